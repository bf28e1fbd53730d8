"""Closing a model: it waits for calls, ends its threads, is refused from inside and in a forked process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from videobert.base.errors import InputError
from videobert.runtime import Runtime, load
from videobert.video.source.frame_array import FrameArray

MakeVideo = Callable[..., FrameArray]


@pytest.fixture(scope="module")
def video(make_video: MakeVideo) -> FrameArray:
    return make_video(20, seed=1)


def gate() -> tuple[threading.Event, threading.Event, Callable[[float, float | None], None]]:
    """Two events and an `on_progress` that sets the first and waits for the second."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(done_s: float, total_s: float | None) -> None:
        begun.set()
        go_on.wait(60)

    return begun, go_on, hold


def test_a_closed_model_says_so_and_closing_waits_for_calls(
    model_folder: Path, cache_dir: Path, make_video: MakeVideo
) -> None:
    video = make_video(6, seed=2)
    model = load(model_folder, cache_dir=cache_dir)
    begun, go_on, hold = gate()

    with ThreadPoolExecutor(2) as pool:
        call = pool.submit(model.tokens, video, on_progress=hold)
        assert begun.wait(60)
        closing = pool.submit(model.close)
        time.sleep(0.05)
        assert not closing.done()
        with pytest.raises(InputError, match="closed"):
            model.tokens(video)
        go_on.set()
        assert len(call.result(60)) == 4
        closing.result(60)
    model.close()
    with pytest.raises(InputError, match="closed"):
        model.warmup()


def test_a_second_close_waits_too(model_folder: Path, cache_dir: Path, make_video: MakeVideo) -> None:
    model = load(model_folder, cache_dir=cache_dir)
    begun, go_on, hold = gate()

    with ThreadPoolExecutor(3) as pool:
        call = pool.submit(model.tokens, make_video(3, seed=2), on_progress=hold)
        assert begun.wait(60)
        closing = [pool.submit(model.close) for _ in range(2)]
        time.sleep(0.1)
        assert not any(future.done() for future in closing)
        go_on.set()
        assert len(call.result(60)) == 2
        for future in closing:
            future.result(60)


def test_closing_from_inside_a_call_is_refused(model_folder: Path, cache_dir: Path, make_video: MakeVideo) -> None:
    refused: list[InputError] = []

    def close(done_s: float, total_s: float | None) -> None:
        with pytest.raises(InputError, match="from inside") as raised:
            model.close()
        refused.append(raised.value)

    with load(model_folder, cache_dir=cache_dir) as model:
        assert len(model.tokens(make_video(3, seed=2), on_progress=close)) == 2
        assert refused
        model.warmup()


# A program of its own, as Ctrl-C is meant for one: it comes when the main thread is inside `Runtime.close`.
_INTERRUPTED_CLOSE = """
import faulthandler, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from videobert.base.limits import Limits
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.runtime import Runtime
from videobert.video.source.frame_array import FrameArray

faulthandler.enable()
signal.signal(signal.SIGINT, signal.default_int_handler)  # where the tests run in the background it is ignored
main = threading.get_ident()
begun, go_on = threading.Event(), threading.Event()

class Counting(OpenVinoEngine):
    closed = 0

    def close(self):
        self.closed += 1
        super().close()

def hold(done_s, total_s):
    begun.set()
    go_on.wait(60)

def frames_of_main():
    frame = sys._current_frames()[main]
    while frame:
        yield frame.f_code
        frame = frame.f_back

def interrupt():
    until = time.monotonic() + 60
    while Runtime.close.__code__ not in frames_of_main() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.2)  # so that it waits for the call
    os.kill(os.getpid(), signal.SIGINT)

folder = ModelFolder(Path(sys.argv[1]))
engine = Counting(folder, EngineOptions(cache_dir=Path(sys.argv[2])))
model = Runtime(folder, engine, Limits())
video = FrameArray(np.zeros((30, 64, 64, 3), np.uint8), np.arange(30) / 10)
with ThreadPoolExecutor(1) as pool:
    call = pool.submit(model.tokens, video, on_progress=hold)
    assert begun.wait(60)
    threading.Thread(target=interrupt).start()
    try:
        model.close()
    except KeyboardInterrupt:
        print("interrupted")
    go_on.set()
    call.result(60)
print("closed", engine.closed)
model.close()
model.close()
print("closed", engine.closed)
"""


def test_a_close_that_was_interrupted_can_be_repeated(model_folder: Path, cache_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_CLOSE, str(model_folder), str(cache_dir)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\nclosed 0\nclosed 1\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_is_told_to_load_its_own(model: Runtime, video: FrameArray) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            model.close()
            model.tokens(video)
        except InputError as error:
            status = 0 if "after the fork" in str(error) else 2
        finally:
            os._exit(status)
    ended, until = (0, 0), time.monotonic() + 60
    while ended[0] == 0 and time.monotonic() < until:
        time.sleep(0.05)
        ended = os.waitpid(child, os.WNOHANG)
    if ended[0] == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended == (child, 0)
    assert len(model.tokens(video)) == 14


def test_a_with_block_closes_and_threads_end(model_folder: Path, cache_dir: Path, video: FrameArray) -> None:
    before = threading.active_count()
    with load(model_folder, cache_dir=cache_dir) as model:
        model.warmup()
        model.tokens(video)
    assert threading.active_count() <= before
    with pytest.raises(InputError, match="closed"):
        model.tokens(video)
