"""A progress bar where a person is watching, silence elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import Any


def run_on_a_terminal(command: tuple[str, ...], *arguments: str) -> tuple[str, str]:
    """stdout through a pipe, stderr on a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        talk = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end closes
                break
            if not part:
                break
            talk += part
        assert process.stdout is not None
        data = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, talk
    return data.decode(), talk.decode()


def test_a_terminal_shows_progress_and_data_stays_clean(fake_command: tuple[str, ...]) -> None:
    data, talk = run_on_a_terminal(fake_command, "run", "clip.mp4", "--json")
    assert "clip.mp4" in talk
    assert "10 s of 10 s" in talk
    assert data.startswith("{")
    assert "\x1b" not in data


def test_quiet_is_quiet_on_a_terminal_too(fake_command: tuple[str, ...]) -> None:
    assert run_on_a_terminal(fake_command, "run", "clip.mp4", "--quiet")[1] == ""


def test_no_progress_without_a_terminal(call: Any, fake: Any) -> None:
    assert call("run", "clip.mp4").err == ""
    assert fake.asked[0][2]["on_progress"] is None
