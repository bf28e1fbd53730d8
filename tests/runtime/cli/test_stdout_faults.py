"""Streams that are full, closed, or know few characters."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "typed",
    [["run", "clip.mp4", "--json"], ["run", "clip.mp4"], ["tokens", "clip.mp4"], ["--help"]],
    ids=" ".join,
)
def test_a_reader_that_stops_reading_is_not_an_error(typed: list[str], fake_command: tuple[str, ...]) -> None:
    with subprocess.Popen([*fake_command, *typed], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        talk = process.stderr.read().decode()
    assert process.returncode == 141
    assert talk == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize(
    "typed", [["run", "clip.mp4", "--json"], ["run", "clip.mp4"], ["fill", "--help"], ["--version"]], ids=" ".join
)
def test_an_output_that_is_full_is_an_environment_error(typed: list[str], fake_command: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*fake_command, *typed], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams_are_as_if_thrown_away(fake_command: tuple[str, ...], tmp_path: Path) -> None:
    def ended(*typed: object, redirected: str) -> subprocess.CompletedProcess[str]:
        words = [*fake_command, *map(str, typed)]
        return subprocess.run(["sh", "-c", f'"$@" {redirected}', "sh", *words], capture_output=True, text=True)

    silent = ended("tokens", "clip.mp4", "--out", tmp_path / "a.vbt", redirected=">&-")
    assert (silent.returncode, silent.stdout) == (0, "")
    # No file that the command opens has taken the place of stdout.
    assert (tmp_path / "a.vbt").read_bytes() == b"tokens"
    assert ended("tokens", "clip.mp4", redirected=">&-").returncode == 0
    answered = ended("tokens", "clip.mp4", redirected="2>&-")
    assert (answered.returncode, answered.stdout.count("\n")) == (0, 2)
    assert ended("tokens", "clip.mp4", "--out", "no/folder/a.vbt", redirected="2>&-").returncode == 2
    assert ended("run", "-", redirected="<&-").returncode == 2
    assert ended("--help", redirected=">&- 2>&- <&-").returncode == 0


def test_a_terminal_without_unicode_gets_an_answer(fake_command: tuple[str, ...]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*fake_command, "run", "clip.mp4"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1.5?6.0 s" in done.stdout
