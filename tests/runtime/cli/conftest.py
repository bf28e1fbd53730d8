"""The command line as a test calls it, here, on a terminal or in a child, with a stand-in for the runtime."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import videobert
from videobert.cli.main import main
from videobert.results.run import Report

# Folders with helpers that are modules of their own.
HELPERS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "report"))
sys.path[:0] = HELPERS

from fake_runtime import FakeRuntime  # noqa: E402
from sample_report import make_report  # noqa: E402

# What a child process runs to be `videobert` with the stand-in for the runtime; arguments follow.
FAKE_COMMAND = (
    sys.executable,
    "-c",
    "import sys; sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]; import fake_runtime, videobert; "
    "videobert.load = lambda *a, **k: fake_runtime.FakeRuntime(); from videobert.cli.main import main; main()",
    *HELPERS,
)


@pytest.fixture
def fake_command() -> tuple[str, ...]:
    return FAKE_COMMAND


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as strict JSON: exactly one value, and none of NaN, Infinity."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def said(self) -> str:
        """All that was written, as it reads where lines and frames are not broken."""
        return " ".join((self.out + self.err).replace("│", " ").split())


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `videobert` with these arguments in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return run


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `videobert` with stdout and stderr on a terminal of some width, and gives what it shows, styles included."""

    def run(width: int, *arguments: object, term: str = "xterm-256color") -> Ended:
        out, err = Terminal(), Terminal()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", term)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        return Ended(code=int(ended.value.code or 0), out=out.getvalue(), err=err.getvalue())

    return run


@pytest.fixture
def report() -> Report:
    return make_report()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """What `videobert.load` gives during the test."""
    runtime = FakeRuntime()

    def load(name: str, **options: Any) -> FakeRuntime:
        runtime.loaded = {"name": name, **options}
        return runtime

    monkeypatch.setitem(videobert.__dict__, "load", load)
    return runtime
