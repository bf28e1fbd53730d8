"""Every verb that answers, on a real terminal of 60 and of 80 columns: whole words, and no line that is too long.

Labels are long and have wide characters, wherever an answer has words of the model's or of the user's.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from videobert.cli.main import VERBS
from videobert.index.identity import Head, IndexIdentity

HERE = Path(__file__).parent
LONG = "catching or throwing 日本語の長いラベル softball (American Staffordshire terrier)"
# What each verb is asked; those that are left out make or compile a model, or need one of their own.
CALLS = {
    "run": ("clip.mp4", "--evidence"),
    "tokens": ("clip.mp4",),
    "features": ("clip.mp4",),
    "embed": ("clip.mp4", "--text", "a red circle"),
    "fill": ("a [MASK] circle", "clip.mp4"),
    "classify": ("clip.mp4", "--question", "colour", "--evidence"),
    "align": ("clip.mp4", "a red circle", "--evidence"),
    "caption": ("clip.mp4", "--evidence"),
    "answer": ("clip.mp4", "is there a red circle?", "--evidence"),
    "events": ("clip.mp4", "--evidence"),
    "forecast": ("clip.mp4", "--evidence"),
    "index": ("films", "--out", "index"),
    "search": ("films.index", "a red circle", "--evidence"),
    "locate": ("clip.mp4", "a red circle", "--evidence"),
    "summarize": ("clip.mp4", "--evidence"),
    "sentiment": ("clip.mp4", "--evidence"),
    "edit": ("clip.mp4", "cut out the talking", "--evidence"),
    "stream": ("clip.mp4", "--evidence"),
    "get": (),
    "models": (),
    "show": ("shapes",),
    "check": ("shapes", "--engine", "openvino", "--stage", "text_head"),
}
# It looks at the machine, and has its test beside this one.
ELSEWHERE = {"doctor"}
MARK = "@@"
STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LABELS = ("text", "label", "reason", "sentence", "seen_as")


def lengthened(value: Any) -> Any:
    """An answer with a long label wherever it has one."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: LONG if field.name in _LABELS and isinstance(held, str) else lengthened(held)
            for field in dataclasses.fields(value)
            if field.init and (held := getattr(value, field.name)) is not None
        }
        return dataclasses.replace(value, **changes)
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(lengthened, value))
    if isinstance(value, dict):
        return {name: lengthened(held) for name, held in value.items()}
    return value


def main() -> None:
    """Be `videobert`, in a child, with a stand-in for the runtime whose labels are long."""
    sys.path[:0] = [str(HERE), str(HERE.parent / "report")]
    import fake_runtime

    import videobert
    from videobert.cli.main import main as command

    runtime = fake_runtime.FakeRuntime()
    runtime.report = lengthened(runtime.report)
    runtime.of_a_file = f"it is damaged: {'moov atom not found, ' * 20}"
    for verb in CALLS:
        asked = getattr(runtime, verb, None)
        if asked is not None and verb not in ("run", "stream", "tokens", "features"):
            setattr(runtime, verb, lambda *a, asked=asked, **k: lengthened(asked(*a, **k)))
    videobert.__dict__["load"] = lambda *a, **k: runtime
    for verb, asked in CALLS.items():
        print(f"{MARK}{verb}", flush=True)
        try:
            command([verb, *asked, *([] if verb == "get" else ["--quiet"])])
        except SystemExit as ended:
            print(f"{MARK}ended {ended.code or 0}", flush=True)


def shown(width: int, folder: Path) -> dict[str, list[str]]:
    """What a terminal of this width shows of each verb, stdout and stderr together."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    said = b""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment | {"TERM": "dumb"},
    ):
        os.close(theirs)
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end closes
                break
            if not part:
                break
            said += part
    os.close(ours)
    found: dict[str, list[str]] = {}
    for line in STYLES.sub("", said.decode()).splitlines():
        if line.startswith(f"{MARK}ended"):
            assert line == f"{MARK}ended 0", said.decode()
        elif line.startswith(MARK):
            lines = found.setdefault(line.removeprefix(MARK), [])
        else:
            lines.append(line)
    return found


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, list[str]]]:
    """What is shown at each width; that without a limit first, from which the words are known."""
    folder = tmp_path_factory.mktemp("screens")
    (folder / "films").mkdir()
    # As much of an index as tells which model made it.
    (folder / "films.index").mkdir()
    identity = IndexIdentity(model="shapes", weights="w", recipe="r", stride=1, width=4, feature_width=0, unit=True)
    (folder / "films.index" / "index.json").write_bytes(Head(identity=identity, generation=1).content())
    return {width: shown(width, folder) for width in (9000, 60, 80)}


def test_every_verb_is_looked_at() -> None:
    made = {"build", "import_", "cluster", "learn", "train", "bench", "compare", "plan"}
    assert set(CALLS) | ELSEWHERE == set(VERBS) - made


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("verb", CALLS)
def test_lines_fit_and_words_are_whole(verb: str, width: int, screens: dict[int, dict[str, list[str]]]) -> None:
    whole = {word for line in screens[9000][verb] for word in line.split()}
    widest = max(map(cell_len, whole))
    lines = screens[width][verb]
    assert lines
    for line in lines:
        # A path may be longer than the terminal is wide; it stands on a line of its own, whole.
        assert cell_len(line) <= width or (widest > width - 2 and len(line.split()) == 1), line
    told = {word for line in lines for word in line.split()}
    broken = {word for word in told - whole if any(word in other for other in whole)}
    assert not {word for word in broken if len(word) > 3}, broken


if __name__ == "__main__":
    main()
