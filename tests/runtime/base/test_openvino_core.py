"""One core of OpenVINO a process, so that Ctrl-C is an exception whatever was made and let go before."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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
