"""From nothing: a clean clone answers with `make demo`, and a wheel answers in an empty environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "runtime/videobert/bundled/shapes/clip.mp4"
WHEEL_CONTENT = re.compile(
    r"videobert/(\w+/)*\w+\.(py|pyi)"
    r"|videobert/py\.typed|videobert_modeling/py\.typed|videobert_kernels/py\.typed"
    r"|videobert/_native\.[\w.-]+\.so"
    r"|videobert/bundled/shapes/(graphs/)?[\w.-]+\.(json|md|safetensors|onnx|mp4)"
    r"|(videobert_modeling|videobert_kernels)/(\w+/)*\w+\.py"
    r"|videobert_kernels/compile/resources\.json"
    r"|videobert-[\w.]+\.dist-info/(\w+/)*[\w.]+"
)


PIP = [sys.executable, "-m", "pip"]


def clean_environment(tmp_path: Path) -> dict[str, str]:
    """The caller's environment without anything that could lend an installed package, and with an empty cache."""
    env = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}}
    return {**env, "XDG_CACHE_HOME": str(tmp_path / "cache")}


def run(arguments: list[str | Path], cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(arguments, cwd=cwd, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this tree with the build tools that are installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = folder / "build"
    run(
        # The long form of -C, for Python 3.11's own pip.
        [*PIP, "wheel", "-q", "--no-deps", "-w", folder, f"--config-settings=build-dir={build}", ROOT],
        folder,
        clean_environment(folder),
    )
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_what_it_should_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if not WHEEL_CONTENT.fullmatch(name)]
    for needed in ("videobert/py.typed", "videobert/bundled/shapes/manifest.json", "videobert/bundled/shapes/clip.mp4"):
        assert needed in names


@pytest.mark.slow
def test_the_wheel_answers_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    env = clean_environment(tmp_path)
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    run([python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel], tmp_path, env)
    installed = run([python, "-m", "pip", "list", "--format=freeze"], tmp_path, env)
    assert not re.search(r"^(torch|onnx|transformers)==", installed, re.MULTILINE)
    report = json.loads(run([tmp_path / "env/bin/videobert", "run", CLIP, "--json"], tmp_path, env))
    assert report["segments"]
    assert report["origin"]["engine"] == "openvino"


@pytest.mark.slow
def test_make_demo_from_a_clean_clone(tmp_path: Path) -> None:
    env = clean_environment(tmp_path)
    run(["git", "clone", "-q", ROOT, "clone"], tmp_path, env)
    shown = run(["make", "demo"], tmp_path / "clone", env)
    assert re.search(r"\d\.\d–\d+\.\d s", shown), shown
