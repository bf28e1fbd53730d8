"""What takes too long is stopped, whatever it handles; tried in a program of its own, as a signal does it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import signal, time
from benchmarks.peers.deadline import TimeUp, deadline

began = time.monotonic()
try:
    with deadline(began + 0.3):
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # as a library might
                continue
except TimeUp:
    print("stopped", 0.25 < time.monotonic() - began < 10)
print(signal.getitimer(signal.ITIMER_REAL)[0], signal.getsignal(signal.SIGALRM) is signal.SIG_DFL)
with deadline(time.monotonic() + 60):
    pass
with deadline(float("inf")):
    pass
print(signal.getitimer(signal.ITIMER_REAL)[0])
"""


def test_it_rings_once_the_time_has_come_and_leaves_nothing_behind() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _PROGRAM], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "stopped True\n0.0 True\n0.0\n"), done.stderr
