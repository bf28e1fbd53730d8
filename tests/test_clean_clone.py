"""From nothing: a clean clone answers with `make demo`, and a wheel answers in an empty environment.

What `make demo` asks about one's own film is tried with a stand-in for the command.
"""

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
    r"|videobert/get/data/[\w.-]+\.(json|md|txt)|videobert/get/templates/[\w.-]+\.template"
    r"|(videobert_modeling|videobert_kernels)/(\w+/)*\w+\.py"
    r"|videobert/model/int8_points_data/\w+\.json"
    r"|videobert_kernels/compile/resources\.json"
    r"|videobert-[\w.]+\.dist-info/(\w+/)*[\w.]+"
)


PIP = [sys.executable, "-m", "pip"]


def clean_environment(tmp_path: Path) -> dict[str, str]:
    """The caller's environment without anything that could lend an installed package, and with an empty cache.

    Nor is a `make` told that it was started by another one: it would say where it is.
    """
    lent = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    env = {k: v for k, v in os.environ.items() if k not in lent}
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
    for needed in (
        "videobert/py.typed",
        "videobert/bundled/shapes/manifest.json",
        "videobert/bundled/shapes/clip.mp4",
        "videobert/get/data/everyday.json",
        "videobert/model/int8_points_data/everyday.json",
        "videobert/get/templates/backbone.template",
        "videobert/get/pip_backend/setuptools/build_meta.py",
    ):
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
    assert any("make demo VIDEO=my.mp4" in line for line in shown.splitlines()[-2:]), shown


def demo(tmp_path: Path, *variables: str, gets: bool = True) -> tuple[int, list[list[str]], str]:
    """The exit code of `make demo`, the commands that it ran, and all that it said; nothing is installed."""
    binaries, log = tmp_path / "env" / "bin", tmp_path / "log"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    command = binaries / "videobert"
    command.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"with open({str(log)!r}, 'a') as file:\n    print(json.dumps(sys.argv[1:]), file=file)\n"
        f"sys.exit({0 if gets else 4} if sys.argv[1] == 'get' else 0)\n"
    )
    command.chmod(0o755)
    # What is newer than all that an installation depends on is not installed again.
    (tmp_path / "env" / ".installed-run").touch()
    done = subprocess.run(
        ["make", "--no-print-directory", "demo", f"VENV={tmp_path / 'env'}", *variables],
        cwd=ROOT,
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
    )
    lines = log.read_text().splitlines() if log.exists() else []
    return done.returncode, [json.loads(line) for line in lines], done.stdout + done.stderr


def test_make_demo_ends_by_saying_how_to_ask_about_a_film_of_ones_own(tmp_path: Path) -> None:
    code, ran, said = demo(tmp_path)
    assert (code, ran) == (0, [["run", str(CLIP.relative_to(ROOT))]])
    assert "make demo VIDEO=my.mp4" in said
    assert "videobert run my.mp4 --model everyday" in said.splitlines()[-1]


def test_make_demo_gets_everyday_and_answers_on_ones_own_film(tmp_path: Path) -> None:
    film = tmp_path / "our film's.mp4"
    film.touch()
    code, ran, _ = demo(tmp_path, f"VIDEO={film}")
    assert (code, ran) == (0, [["get", "everyday"], ["run", str(film), "--model", "everyday"]])


def test_make_demo_takes_the_files_where_there_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "my.mp4").touch()
    _, ran, _ = demo(tmp_path, f"VIDEO={tmp_path / 'my.mp4'}", "FROM=a.whl b.tar.gz")
    assert ran[0] == ["get", "everyday", "--from", "a.whl", "b.tar.gz"]


def test_make_demo_says_what_it_does_where_everyday_cannot_be_had(tmp_path: Path) -> None:
    film = tmp_path / "my.mp4"
    film.touch()
    code, ran, said = demo(tmp_path, f"VIDEO={film}", gets=False)
    assert (code, ran) == (0, [["get", "everyday"], ["run", str(film)]])
    assert "could not be had" in said
    assert "FROM='FILE…'" in said
    assert "your film is out of it" in said


def test_make_demo_gets_nothing_for_a_film_that_is_not_there(tmp_path: Path) -> None:
    code, ran, said = demo(tmp_path, "VIDEO=nowhere.mp4")
    assert (code != 0, ran) == (True, [])
    assert "there is no file nowhere.mp4" in said
