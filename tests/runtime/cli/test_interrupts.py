"""Ctrl-C at any moment of a command ends it with 130, one line and no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import videobert
from videobert.cli import interrupts
from videobert.cli.failure import interruption

# Interrupts itself when it imports one of the modules named, or for the first time after a number of imports.
_INTERRUPTED_AT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored
at, seen = {at!r}, [0]

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        seen[0] += 1
        if at in (name, seen[0]):
            seen[0] = 10**6
            os.kill(os.getpid(), signal.SIGINT)

from videobert.cli.entry import main
sys.argv = ["videobert", *{words!r}]
sys.meta_path.insert(0, Interrupts())
main()
"""
_RUN = ["run", "--quiet"]
_SHOWN = "stopped: interrupted\n"


def interrupted_at(at: str | int, *words: str) -> subprocess.CompletedProcess[str]:
    code = _INTERRUPTED_AT.format(at=at, words=list(words))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "module",
    [
        "videobert.cli.main",
        "typer",
        "inspect",
        "videobert.base.limits",
        "videobert.cli.verbs.train",
        "numpy",
        "videobert.runtime",
        "openvino",
        "tokenizers",
        "av",
    ],
)
def test_an_import_may_be_interrupted(module: str) -> None:
    done = interrupted_at(module, *_RUN)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", _SHOWN)


def test_an_answer_in_json_says_so_in_json() -> None:
    for module in ("typer", "videobert.runtime"):
        done = interrupted_at(module, *_RUN, "--json")
        assert (done.returncode, done.stdout) == (130, "")
        assert json.loads(done.stderr.splitlines()[-1])["error"]["exit_code"] == 130


@pytest.mark.slow
def test_any_import_of_a_command_may_be_interrupted() -> None:
    for place in range(1, 640, 37):
        done = interrupted_at(place, *_RUN)
        assert done.returncode == 130, (place, done.stderr)
        assert done.stderr == _SHOWN, place


def test_the_end_of_a_command_may_be_interrupted() -> None:
    code = (
        "import atexit, os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "atexit.register(os.kill, os.getpid(), signal.SIGINT); sys.argv = ['videobert', '--version']; "
        "from videobert.cli.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, f"videobert {videobert.__version__}\n")
    assert "Traceback" not in done.stderr


def test_an_interrupt_that_a_library_swallows_comes_again() -> None:
    """As where it meets the callback of a weak reference, or one of the many that importing a module has."""
    code = (
        "import os, signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from videobert.cli import entry, interrupts\nimport videobert.cli.main\n"
        "class Swallows:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT); time.sleep(1)\n"
        "def command():\n    interrupts.raise_interrupts(True)\n    Swallows()\n    time.sleep(20)\n"
        "    print('went on')\n"
        "videobert.cli.main.main = command\nentry.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", _SHOWN)


def test_an_interrupt_that_a_library_turns_into_another_error_is_one(
    call: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert.cli.failure import failure_of

    monkeypatch.setattr(interrupts, "_happened", True)
    assert failure_of(ImportError("libfoo could not be loaded")) == interruption()


def test_what_is_written_before_anything_is_imported_is_what_is_written_later(
    capsys: pytest.CaptureFixture[str],
) -> None:
    interruption().show(as_json=True)
    interruption().show(as_json=False)
    assert capsys.readouterr().err == f"{interrupts._JSON}\n{interrupts._TEXT}\n"
    assert interruption().exit_code == interrupts.INTERRUPTED


def test_where_interrupts_are_ignored_they_stay_so() -> None:
    code = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.argv = ['videobert', '--version']; "
        "sys.addaudithook(lambda event, a: event == 'import' and a[0] == 'typer' and signal.raise_signal(2)); "
        "from videobert.cli.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"videobert {videobert.__version__}\n")


def test_the_module_and_the_script_begin_there() -> None:
    environment = {**os.environ, "PYTHONINSPECT": ""}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "videobert", "--version"],
        capture_output=True,
        text=True,
        env=environment,
    )
    order = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    assert order.index("videobert.cli.entry") < order.index("typer")
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="videobert")
    assert script.value == "videobert.cli.entry:main"


def test_importing_the_package_changes_no_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    import videobert.cli.main  # noqa: F401

    assert signal.getsignal(signal.SIGINT) is before
