"""Code tried in a process of its own: a library that crashes or hangs while it loads costs an answer, nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

TIMEOUT_S = 60.0

Answer = dict[str, Any] | str


def tried(*codes: str) -> list[Answer]:
    """What each piece of code printed as JSON, an object on a line of its own, or in words why it did not.

    Pieces that load the same library share a process, one after the other; where not all goes well there, each is tried
    again in one of its own, so that none answers for another.
    """
    done = _run("\n".join(codes))
    if not isinstance(done, str):
        answers = _objects(done.stdout)
        if done.returncode == 0 and len(answers) == len(codes):
            return list(answers)
    if len(codes) > 1:
        return [answer for code in codes for answer in tried(code)]
    return [done if isinstance(done, str) else _reason(done)]


def _run(code: str) -> subprocess.CompletedProcess[str] | str:
    try:
        # -P: no module may come from the folder that the user happens to stand in.
        return subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"it did not load within {TIMEOUT_S:.0f} s"
    except OSError as error:
        return f"it could not be tried: {error}"


def _objects(stdout: str) -> list[dict[str, Any]]:
    """The lines that are JSON objects; libraries print lines of their own."""
    found = []
    for line in stdout.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"it crashed while loading (signal {-done.returncode})"
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"it ended with exit code {done.returncode}"
