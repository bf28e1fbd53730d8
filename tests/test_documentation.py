"""Every command and every snippet of the documentation runs, and every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CLIP = ROOT / "runtime/videobert/bundled/shapes/clip.mp4"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the pages for contributors name of the tree; rooms of the run side are named from `runtime/videobert` on.
TREE = re.compile(r"`((?:runtime|modeling|kernels|csrc|tests|benchmarks|docs|examples)/[\w./-]*)`")
ROOM = re.compile(r"`([a-z_]+/(?:[a-z_]+/)*)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
# Continuous integration runs these; `make demo` has a test of its own in test_clean_clone.py, what `make bench` runs in
# benchmarks/peers.
ACTIVATE = ". .venv/bin/activate"
MAKE_TARGETS = {"demo", "test", "test-runtime", "check", "bench", "lint", "format"}


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}-{number}", body)
        for page in PAGES
        for number, (tag, body) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")))
        if tag == language
    ]


def commands() -> list[tuple[str, str]]:
    found = []
    for where, body in blocks("sh"):
        for line in body.splitlines():
            command = line.split("#")[0].strip()
            if command:
                found.append((where, command))
    return found


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An empty folder with the clip that the documentation speaks of."""
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    return tmp_path


@pytest.fixture
def workshop(desk: Path) -> Path:
    """The desk with what a model of one's own is made of: small checkpoints, films of two kinds and their labels."""
    import torch
    from tests.modeling.importers import conftest as checkpoints
    from tests.small_model import frames_of, mp4

    from videobert_modeling.models import S3D

    torch.manual_seed(1)
    torch.save(S3D(0.125, 32, 5).state_dict(), desk / "s3d.pth")
    bert = desk / "bert-base-uncased"
    bert.mkdir()
    torch.save(checkpoints.random_bert(), bert / "pytorch_model.bin")
    (bert / "config.json").write_text(json.dumps({"model_type": "bert", "num_attention_heads": 4}))
    (bert / "vocab.txt").write_text("\n".join(checkpoints.VOCABULARY) + "\n", encoding="utf-8")
    (desk / "films").mkdir()
    lines = []
    for seed, label in enumerate(("pour", "stir")):
        for number in range(1, 4):
            name = f"films/{label}-{number}.mp4"
            (desk / name).write_bytes(mp4(frames_of(3.2, 10 * seed + number)))
            lines.append({"video": name, "start": 0, "end": 3, "labels": {"step": label, "hands": "two"}})
    # The environment of an older release; it has this one.
    older = desk / "old/bin/python"
    older.parent.mkdir(parents=True)
    older.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    older.chmod(0o755)
    (desk / "data.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return desk


def run(arguments: list[str], cwd: Path) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(arguments, cwd=cwd, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for where, command in commands():
        if command.startswith("make "):
            target = command.split()[1]
            assert target in MAKE_TARGETS, f"{where}: {command}"
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{where}: {command}"


def test_every_command_of_a_page_runs_in_its_order(workshop: Path) -> None:
    ran = 0
    for where, command in commands():
        first, *rest = shlex.split(command)
        if first == "make":
            continue
        if command == ACTIVATE:
            assert re.search(r"^VENV \?= \.venv$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            continue
        if first == "cp":
            assert rest == [str(CLIP.relative_to(ROOT)), "."], f"{where}: {command}"
            continue
        assert first == "videobert", f"{where}: a command that no test runs: {command}"
        run([sys.executable, "-m", "videobert", *rest], workshop)
        ran += 1
    assert ran >= 5


def without_numbers(text: str) -> str:
    """Numbers depend on the machine's arithmetic."""
    return re.sub(r"[\d.]+", "#", text)


@pytest.mark.everyday
@pytest.mark.parametrize(("where", "body"), blocks("console"), ids=lambda value: value if "-" in value[:80] else "")
def test_a_console_shows_what_is_printed(where: str, body: str, tmp_path: Path) -> None:
    """Each command of a page with real film, and the first lines of its output."""
    shutil.copy(ROOT / "tests/media/driving_car.mp4", tmp_path)
    commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n?)*)", body, re.MULTILINE)
    assert commands, where
    for command, shown in commands:
        first, *rest = shlex.split(command)
        assert first == "videobert", f"{where}: {command}"
        if rest[0] == "get":
            continue
        env = {**os.environ, "COLUMNS": "120"}
        done = subprocess.run(
            [sys.executable, "-m", first, *rest], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout.splitlines()[: len(shown.splitlines())]
        assert without_numbers("\n".join(printed)) == without_numbers(shown.rstrip("\n")), f"{where}: {command}"


@pytest.mark.parametrize(("where", "body"), blocks("python"), ids=lambda value: value if "-" in value[:80] else "")
def test_every_snippet_runs(where: str, body: str, desk: Path) -> None:
    run([sys.executable, "-c", body], desk)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_tree_resolve(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def missing_from_the_tree(text: str) -> list[str]:
    """Paths that a page names and that are not there."""
    named = set(TREE.findall(text))
    rooms = {name for name in ROOM.findall(text) if name not in named}
    return sorted(
        [name for name in named if not (ROOT / name).exists()]
        + [name for name in rooms if not any((base / name).is_dir() for base in (ROOT, ROOT / "runtime/videobert"))]
    )


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    assert not missing_from_the_tree((ROOT / page).read_text(encoding="utf-8"))


def test_a_path_that_is_not_there_is_seen() -> None:
    text = "`runtime/videobert/base/errors.py`, `video/source/`, `runtime/videobert/nowhere.py`, `attic/`, `csrc/`"
    assert missing_from_the_tree(text) == ["attic/", "runtime/videobert/nowhere.py"]


def test_the_picture_of_the_house_has_every_room() -> None:
    picture = FENCE.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))[1][1]
    rooms = {path.parent.name for path in (ROOT / "runtime/videobert").glob("*/__init__.py")}
    assert not {room for room in rooms if f"{room}/" not in picture}
