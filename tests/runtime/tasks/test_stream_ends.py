"""How a stream ends: an error, a reader who leaves, a model that closes; and that memory does not grow until then."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grey_engine import LONGEST_S, Camera, Frame, GreyEngine, array

from videobert.base.errors import Cancelled, InputError, LimitExceeded, MismatchError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.results.run import ReportSegment
from videobert.runtime import Runtime


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"top": 0}, UsageError),
        ({"context_clips": -1}, UsageError),
        ({"context_clips": True}, UsageError),
        ({"stride": 9}, UsageError),
    ],
    ids=str,
)
def test_arguments_are_refused_when_the_stream_is_made(grey: Runtime, options: Any, kind: type[Exception]) -> None:
    camera = Camera([0])
    with pytest.raises(kind):
        grey.stream(camera, **options)
    assert camera.asked == 0


def test_tokens_that_do_not_fit_are_refused_when_the_stream_is_made(grey: Runtime, tmp_path: Path) -> None:
    import dataclasses

    foreign = dataclasses.replace(grey.tokens(array([0])), codebook="0" * 16)
    with pytest.raises(MismatchError):
        grey.stream(foreign)
    (tmp_path / "a.vbt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a token file"):
        grey.stream(tmp_path / "a.vbt")


@pytest.mark.parametrize("source", [iter([]), b"no video", "nowhere.mp4", 5])
def test_what_is_not_a_video_is_an_input_error(grey: Runtime, source: Any) -> None:
    with pytest.raises(InputError):
        next(grey.stream(source))


def test_cancelling_between_segments_and_between_frames(grey: Runtime) -> None:
    cancel = threading.Event()
    camera = Camera([0, 1, 2, 3])
    stream = grey.stream(camera, cancel=cancel)
    next(stream)
    cancel.set()
    asked = camera.asked
    with pytest.raises(Cancelled):
        next(stream)
    assert camera.asked <= asked + 1
    assert list(stream) == []

    cancel.clear()

    def seen(done_s: float, total_s: float | None) -> None:
        if done_s >= 3:
            cancel.set()

    with pytest.raises(Cancelled):
        list(grey.stream(Camera([0] * 9), cancel=cancel, on_progress=seen))
    # Saved tokens have no frames: answers that are there already are held back too.
    cancel.clear()
    stream = grey.stream(grey.tokens(array([0, 1, 2])), cancel=cancel)
    next(stream)
    cancel.set()
    with pytest.raises(Cancelled):
        next(stream)


class Broken(Exception):
    pass


def test_an_error_of_the_source_comes_through_and_the_model_goes_on(grey: Runtime) -> None:
    def breaking() -> Iterator[Frame]:
        yield from zip(array([0, 1, 2]).frames, (n / 10 for n in range(45)), strict=True)
        raise Broken

    stream = grey.stream(breaking())
    assert [next(stream).end_s, next(stream).end_s] == [1.5, 3.0]
    with pytest.raises(Broken):
        next(stream)
    assert list(stream) == []
    assert stream.report().duration_s == 4.5
    assert len(list(grey.stream(Camera([0, 1])))) == 2


@pytest.mark.parametrize("live", [True, False])
def test_an_error_of_the_backbone_comes_through_and_the_model_goes_on(
    grey: Runtime, engine: GreyEngine, live: bool
) -> None:
    def fail_on_three(number: int) -> None:
        if number == 3:
            raise ModelError("the graph is damaged")

    engine.before_backbone = fail_on_three
    greys = list(range(10))
    with pytest.raises(ModelError, match="damaged"):
        list(grey.stream(Camera(greys) if live else array(greys)))
    # What was behind it was not started, or is over: nothing is left in the queue.
    grey._opened._clips.submit(lambda: None).result(LONGEST_S)
    assert len(engine.seen) <= 3 + 2
    assert len(list(grey.stream(Camera([0, 1])))) == 2


@pytest.mark.parametrize("how", ["close", "with", "let go", "exhausted"])
@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="open files are counted in /proc")
def test_a_stream_that_is_left_lets_go_of_its_video(grey: Runtime, factory: Any, tmp_path: Path, how: str) -> None:
    # More clips than are answered at once, so that the file is still being read when the first segment comes.
    frames = [np.full((48, 48, 3), second // 3 * 3 % 60, np.uint8) for second in range(150)]
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(150), time_base=Fraction(1), size=(48, 48), frames=frames)

    def open_files() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(path) for fd in os.listdir("/proc/self/fd"))

    threads = threading.active_count()
    stream = grey.stream(path)
    assert open_files() == 0
    next(stream)
    assert open_files() == 1
    if how == "close":
        stream.close()
        stream.close()
    elif how == "with":
        with stream:
            pass
    elif how == "let go":
        del stream
        gc.collect()
    else:
        list(stream)
    assert open_files() == 0
    assert threading.active_count() <= threads + 1  # the backbone's, which is the model's
    assert len(grey.tokens(path)) == 100


def test_after_close_there_is_nothing_more(grey: Runtime) -> None:
    camera = Camera([0, 1, 2])
    with grey.stream(camera) as stream:
        next(stream)
    asked = camera.asked
    assert list(stream) == []
    assert camera.asked == asked
    unread = grey.stream(camera)
    unread.close()
    assert list(unread) == []


def test_another_thread_may_close_a_stream_that_waits_for_a_frame(grey: Runtime) -> None:
    gate = threading.Event()
    stream = grey.stream(Camera([0] * 4, {40: gate}))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(list, stream)
        while stream._inside is None:
            time.sleep(0.01)
        stream.close()  # does not wait for the camera
        assert not reading.done()
        gate.set()
        assert reading.result(LONGEST_S) == []
    assert list(stream) == []


def test_a_stream_is_read_by_one_thread_at_a_time(grey: Runtime) -> None:
    stream = grey.stream(Camera(list(range(40))))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(list, [stream] * 4))
    starts = sorted(segment.start_s for part in parts for segment in part)
    assert starts == [1.5 * clip for clip in range(40)]


def test_a_stream_cannot_be_read_or_its_model_closed_from_inside_itself(grey: Runtime) -> None:
    refused: list[str] = []

    def inside(done_s: float, total_s: float | None) -> None:
        for attempt in (lambda: next(stream), grey.close):
            with pytest.raises(InputError) as error:
                attempt()
            refused.append(error.value.what)

    stream = grey.stream(Camera([0, 1]), on_progress=inside)
    assert len(list(stream)) == 2
    assert {
        "a stream cannot be read from inside itself",
        "this Runtime cannot be closed from inside one of its own calls",
    } == set(refused)


def test_closing_a_stream_from_inside_ends_it(grey: Runtime) -> None:
    stream = grey.stream(Camera([0] * 9), on_progress=lambda done_s, _: stream.close() if done_s >= 3 else None)
    assert list(stream) == []


def test_a_model_closes_though_a_stream_waits_for_its_reader(model_folder: Path, engine: GreyEngine) -> None:
    model = Runtime(ModelFolder(model_folder), engine, Limits())
    engine.leaves = model.codebook.leaves
    camera, let_go = Camera([0, 1, 2]), threading.Event()

    def frames() -> Iterator[Frame]:
        try:
            yield from camera
        finally:
            let_go.set()

    read, unread, over = model.stream(frames()), model.stream(Camera([0])), model.stream(Camera([0]))
    next(read)
    list(over)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(model.close).result(LONGEST_S)
    assert engine.closed
    gc.collect()
    assert let_go.is_set()
    for stream in (read, unread):
        for _ in range(2):
            with pytest.raises(InputError, match="closed"):
                next(stream)
    assert list(over) == []
    assert camera.asked == 2 * 15
    with pytest.raises(InputError, match="closed"):
        model.stream(camera)
    read.close()
    assert list(read) == []


def test_closing_a_model_ends_a_stream_that_another_thread_is_reading(model_folder: Path, engine: GreyEngine) -> None:
    """A camera on a wall gives the same answer for days: waiting for the segment would be for ever."""
    model = Runtime(ModelFolder(model_folder), engine, Limits(max_duration_s=1e9))
    engine.leaves = model.codebook.leaves
    began = threading.Event()

    def endless() -> Iterator[Frame]:
        number = 0
        while True:
            yield np.zeros((48, 48, 3), np.uint8), number / 10
            number += 1
            if number == 40:
                began.set()

    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(next, model.stream(endless()))
        assert began.wait(LONGEST_S)
        pool.submit(model.close).result(LONGEST_S)
        with pytest.raises(InputError, match="closed"):
            reading.result(LONGEST_S)
    assert engine.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_forked_process_does_not_read_on(grey: Runtime) -> None:
    stream = grey.stream(Camera([0, 1, 2]))
    next(stream)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            stream.close()
            next(stream)
        except InputError as error:
            status = 0 if "after the fork" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(stream)) == 2


@pytest.mark.parametrize("changes", ["never", "with neighbours"])
def test_memory_does_not_grow_over_two_thousand_clips(model_folder: Path, changes: str) -> None:
    child = Path(__file__).with_name("grey_memory_child.py")
    done = subprocess.run(
        [sys.executable, str(child), str(model_folder), changes], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["segments"] == 1) == (changes == "never")
    early, late = found["bytes"]
    # 1,680 clips are 174 MB of pixels, one picture of each 11 MB.
    assert late - early < 300_000


def test_a_live_stream_is_held_to_the_longest_duration(model_folder: Path, engine: GreyEngine) -> None:
    with Runtime(ModelFolder(model_folder), engine, Limits(max_duration_s=4)) as model:
        engine.leaves = model.codebook.leaves
        stream = model.stream(Camera([0, 1, 2, 3]))
        assert isinstance(next(stream), ReportSegment)
        with pytest.raises(LimitExceeded, match="max_duration_s"):
            list(stream)
