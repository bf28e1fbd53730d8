"""One core of OpenVINO a process, so that Ctrl-C is an exception whatever was made and let go before."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from videobert.base.openvino_core import openvino_core

# What holds a core is made here and let go elsewhere: were it the last one, its stack for signals would go with it.
_PROGRAM = """
import gc, os, signal, sys, threading, time
from pathlib import Path
import numpy as np
from videobert.bench.rounded_graph import RoundedGraph
from videobert.model.folder import ModelFolder
from videobert.runtime import load

signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored
folder = ModelFolder(Path(sys.argv[1]))
clips = np.zeros((1, 15, 48, 48, 3), np.uint8)
for _ in range(2):
    load(folder.root, cache_dir=sys.argv[2], precision="fp32").close()
held = [RoundedGraph(folder.read("graphs/backbone.onnx"), {"clips": clips})]
held[0].outputs({"clips": clips})
thread = threading.Thread(target=held.clear)
thread.start()
thread.join()
gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_is_an_exception_after_graphs_have_come_and_gone(model_folder: Path, cache_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", _PROGRAM, str(model_folder), str(cache_dir)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


def test_all_threads_have_the_same() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: openvino_core(), range(8)))
    assert all(each is found[0] for each in found)


# A process that has used a model is forked; the child does as it is told and ends as programs do.
_FORKED = """
import os, sys, time
import videobert
from videobert.base.errors import EngineUnavailable

held = videobert.load(sys.argv[1], cache_dir=sys.argv[2], precision="fp32")
held.warmup()
if sys.argv[3] == "closed":
    held.close()
child = os.fork()
if child == 0:
    if sys.argv[4] == "loads":
        for engine in ("openvino", "auto"):
            try:
                videobert.load(sys.argv[1], cache_dir=sys.argv[2], precision="fp32", engine=engine)
            except EngineUnavailable as error:
                print(error, flush=True)
    sys.exit(7)
until = time.monotonic() + 60
while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
    time.sleep(0.05)
if ended == (0, 0):
    os.kill(child, 9)
print(os.waitstatus_to_exitcode(ended[1]) if ended[0] else "hangs")
"""


@pytest.mark.parametrize("before", ["open", "closed"])
@pytest.mark.parametrize("what", ["loads", "ends"])
def test_a_forked_process_neither_hangs_nor_crashes(
    before: str, what: str, model_folder: Path, cache_dir: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKED, str(model_folder), str(cache_dir), before, what],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout.splitlines()
    assert (done.returncode, said[-1:]) == (0, ["7"]), done.stdout + done.stderr
    if what == "loads":
        assert len(said) == 3
        assert all("before this process was forked off" in line for line in said[:2])
        assert all('get_context("spawn")' in line for line in said[:2])


def test_a_process_that_forks_first_loads_its_own(model_folder: Path, cache_dir: Path) -> None:
    program = (
        "import os, sys, videobert\n"
        "child = os.fork()\n"
        "with videobert.load(sys.argv[1], cache_dir=sys.argv[2], precision='fp32') as model:\n"
        "    model.warmup()\n"
        "if child:\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model_folder), str(cache_dir)], capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
