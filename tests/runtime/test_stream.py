"""Segments as they close: when each comes, what becomes of a stream that is left, and that they are those of `run`."""

from __future__ import annotations

import gc
import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import Cancelled, InputError, LimitExceeded, MismatchError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.pipeline.label_scorer import LabelScorer
from videobert.results.as_json import to_json
from videobert.results.run import Report, ReportSegment
from videobert.runtime import Runtime
from videobert.video.decoders.frame_array import FrameArray
from videobert.visual.tokens import VisualTokens

WORDS, WIDTH, LABELS = 128, 64, 3
RED = 5  # in the tokenizer of conftest.py; then blue and green
CLIP_FRAMES = 15
LONGEST_S = 60.0

Frame = tuple[npt.NDArray[np.uint8], float]


class GreyEngine:
    """A clip of grey g is visual token g; a clip's colour is its token modulo three, by a margin that the token sets.

    Attributes:
        seen: grey of each clip that the backbone got.
        sequences: joint sequences that the encoder got, without padding.
        before_backbone: called with the grey of each clip.
    """

    name, device, precision, parallel, takes_device_arrays = "grey", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        self.leaves = np.empty((0, 0), np.float32)
        self.seen: list[int] = []
        self.sequences: list[list[int]] = []
        self.before_backbone: Callable[[int], None] = lambda grey: None
        self.closed = False

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "backbone":
            grey = int(inputs["clips"][0, 7, 24, 24, 0])
            self.before_backbone(grey)
            self.seen.append(grey)
            return self.leaves[grey][None].copy()
        if stage == "encoder":
            states = np.zeros((*inputs["ids"].shape, WIDTH), np.float32)
            states[..., 0] = inputs["ids"].sum(axis=1, where=inputs["ids"] >= WORDS)[:, None] % 97
            visual = (inputs["ids"] >= WORDS) & (inputs["ids"] < WORDS + 64)
            states[..., 1] = visual.sum(axis=1)[:, None]
            states[..., 2] = ((inputs["ids"] - WORDS) * visual).sum(axis=1)[:, None]
            self.sequences += [
                row[:length].tolist()
                for row, length in zip(*map(list, (inputs["ids"], inputs["lengths"])), strict=True)
            ]
            return states
        assert stage == "text_head"
        logits = np.full((len(inputs["states"]), WORDS), -50, np.float32)
        for row, (odd, clips, total) in enumerate(inputs["states"][:, :3]):
            logits[row, RED : RED + LABELS] = (0.1, 0.2, 0.15)
            if clips:
                logits[row, RED + int(total) % LABELS] += 2 + odd / 100
        return logits

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def engine() -> GreyEngine:
    return GreyEngine()


@pytest.fixture
def grey(model_folder: Path, engine: GreyEngine) -> Iterator[Runtime]:
    with Runtime(ModelFolder(model_folder), engine, Limits(max_duration_s=20_000)) as runtime:
        engine.leaves = runtime.codebook.leaves
        yield runtime


class Camera:
    """An iterator of frames that counts what was asked of it. `greys` has one value for each clip.

    Args:
        gates: number of a frame to what must be set before it is given.
    """

    def __init__(self, greys: list[int], gates: dict[int, threading.Event] | None = None) -> None:
        self.greys, self.gates = greys, gates or {}
        self.asked = 0

    def __iter__(self) -> Camera:
        return self

    def __next__(self) -> Frame:
        number, self.asked = self.asked, self.asked + 1
        if number in self.gates:
            assert self.gates[number].wait(LONGEST_S)
        if number == CLIP_FRAMES * len(self.greys):
            raise StopIteration
        return np.full((48, 48, 3), self.greys[number // CLIP_FRAMES], np.uint8), number / 10


def array(greys: list[int]) -> FrameArray:
    frames = [frame for frame, _ in Camera(greys)]
    return FrameArray(np.stack(frames), np.arange(len(frames)) / 10)


def plain(segments: Any) -> list[dict[str, Any]]:
    """Segments with every digit of every score, and their pictures."""
    return [
        to_json(segment) | {"picture": None if segment.thumbnail is None else segment.thumbnail.tolist()}
        for segment in segments
    ]


# --- when a segment comes ---


def test_a_live_segment_comes_before_the_next_frame_is_asked_for(grey: Runtime) -> None:
    """Each segment is closed by the clip behind it, whose last frame is the last that was needed."""
    camera = Camera([0, 0, 1, 1, 1, 2])
    asked = [(segment.start_s, segment.end_s, camera.asked) for segment in grey.stream(camera)]
    assert asked == [(0.0, 3.0, 3 * 15), (3.0, 7.5, 6 * 15), (7.5, 9.0, 6 * 15 + 1)]


def test_a_live_segment_comes_while_the_source_is_silent(grey: Runtime) -> None:
    """The camera gives nothing more until somebody has seen the first segment."""
    gate = threading.Event()
    came: list[tuple[float, bool]] = []
    for segment in grey.stream(Camera([0, 1, 2], {30: gate})):
        came.append((segment.end_s, gate.is_set()))
        gate.set()
    assert came == [(1.5, False), (3.0, True), (4.5, True)]


@pytest.mark.parametrize("kind", ["iterator", "generator", "iterable without a length"])
def test_what_has_no_length_is_live(grey: Runtime, kind: str) -> None:
    class Source:
        def __iter__(self) -> Iterator[Frame]:
            return camera

    camera = Camera([0, 1, 2, 3])
    source = {"iterator": camera, "generator": (pair for pair in camera), "iterable without a length": Source()}[kind]
    next(grey.stream(source))  # type: ignore[arg-type]
    assert camera.asked == 2 * 15


def test_with_neighbours_a_segment_waits_for_those_of_the_clip_that_closes_it(grey: Runtime) -> None:
    # With two neighbours on either side, the sum of five tokens decides.
    camera = Camera([0] * 6 + [1] * 6)
    asked = []
    with grey.stream(camera, context_clips=2) as stream:
        for segment in stream:
            asked.append((round(segment.end_s / 1.5), camera.asked))
    closed_by = [clip for clip, _ in asked]
    assert len(closed_by) >= 3
    assert asked[:-1] == [(clip, min((clip + 1 + 2) * 15, 12 * 15 + 1)) for clip in closed_by[:-1]]


def test_a_slow_reader_slows_the_source(grey: Runtime) -> None:
    camera = Camera(list(range(12)))
    stream = grey.stream(camera)
    for taken in range(1, 4):
        next(stream)
        time.sleep(0.05)
        assert camera.asked == (taken + 1) * 15


def test_of_a_file_some_clips_are_on_their_way_while_others_are_decoded(grey: Runtime, engine: GreyEngine) -> None:
    """The backbone does not finish the first clip before the third is decoded: nothing would end without overlap."""
    third = threading.Event()
    engine.before_backbone = lambda number: None if third.wait(LONGEST_S) else pytest.fail("no overlap")

    def on_progress(done_s: float, total_s: float | None) -> None:
        if done_s >= 4.5:
            third.set()

    for ask in (grey.tokens, grey.run, lambda video, **options: list(grey.stream(video, **options))):
        third.clear()
        ask(array([1, 2, 3, 4]), on_progress=on_progress)  # type: ignore[operator]
    third.clear()
    # Nobody sees what comes in between, so live frames are read ahead too.
    grey.run(Camera([1, 2, 3, 4]), on_progress=on_progress)
    assert engine.seen == [1, 2, 3, 4] * 4


# --- what comes ---


GREYS = [0, 0, 1, 4, 3, 3, 3, 9, 10, 0, 0, 2, 2, 2, 2, 40, 41, 40, 41, 5] * 4


def reference(stages: Any, tokens: VisualTokens, reach: int) -> list[tuple[Any, ...]]:
    """Segments worked out from all tokens at once, in numpy."""
    (question,) = stages.config.questions.values()
    scorer = LabelScorer(stages, question.templates, question.labels)
    windows = [tokens.ids[max(0, clip - reach) : clip + reach + 1] for clip in range(len(tokens))]
    scores = np.stack([scorer.scores([window])[0] for window in windows])
    best = scores.argmax(axis=1)
    bounds = [0, *(1 + np.flatnonzero(np.diff(best))).tolist(), len(tokens)]
    found = []
    for start, stop in pairwise(bounds):
        candidates = scorer.candidates(np.log(np.exp(scores[start:stop]).mean(axis=0)), 3)
        percentile = float(np.median(tokens.percentiles[start:stop]))
        ids = tuple(tokens.ids[start:stop].tolist())
        found.append((tokens.start_s[start], tokens.end_s[stop - 1], candidates, ids, percentile))
    return found


@pytest.mark.parametrize("context_clips", [0, 1, 3])
@pytest.mark.parametrize("source", ["array", "live", "saved"])
def test_segments_are_those_of_all_tokens_at_once(grey: Runtime, source: str, context_clips: int) -> None:
    tokens = grey.tokens(array(GREYS))
    assert tokens.ids.tolist() == GREYS

    def video() -> Any:
        return {"array": array(GREYS), "live": Camera(GREYS), "saved": tokens}[source]

    wanted = reference(grey._stages, tokens, context_clips)
    with grey.stream(video(), context_clips=context_clips) as stream:
        segments = list(stream)
        rest = stream.report()
    assert len(segments) > 20 - 10 * (context_clips > 0)
    assert [(s.start_s, s.end_s, s.answers["colour"], s.tokens, s.percentile) for s in segments] == wanted
    report = grey.run(video(), context_clips=context_clips)
    assert plain(report.segments) == plain(segments)
    assert (rest.segments, rest.origin, rest.video) == ((), report.origin, report.video)
    for name in ("source", "duration_s", "percentile", "out_of_domain"):
        assert getattr(rest, name) == getattr(report, name)
    assert set(rest.timings_s) == set(report.timings_s)
    assert rest.timings_s["encode"] > 0


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("tail", [0, 7])
def test_a_real_engine_gives_the_same_to_the_last_digit(
    model: Runtime, make_video: Callable[..., FrameArray], stride: int, tail: int
) -> None:
    video = make_video(30 + tail / 10, seed=4)

    def live() -> Iterator[Frame]:
        return zip(video.frames, video.times_s.tolist(), strict=True)

    for source in (lambda: video, live, lambda: model.tokens(video, stride=stride)):
        report = model.run(source(), stride=stride, context_clips=1)
        assert plain(model.stream(source(), stride=stride, context_clips=1)) == plain(report.segments)
        tokens = model.tokens(source(), stride=stride)
        assert [token for segment in report.segments for token in segment.tokens] == tokens.ids.tolist()
        assert report.segments[-1].end_s == tokens.end_s[-1]
        assert report.segments[-1].padded_frames == tokens.padded_frames


def test_a_window_of_tokens_is_asked_once(grey: Runtime, engine: GreyEngine) -> None:
    """Two templates; of 80 clips 11 are distinct, and once there is nothing but the sentence."""
    distinct = len(set(GREYS))
    for ask in (grey.run, lambda video: list(grey.stream(video))):
        for video in (array(GREYS), Camera(GREYS), grey.tokens(array(GREYS))):
            engine.sequences.clear()
            ask(video)  # type: ignore[operator]
            visual = [
                ids for ids in engine.sequences if any(index >= WORDS for index in ids[:-1] if index != WORDS + 64)
            ]
            assert len(visual) == 2 * distinct


def test_a_report_may_be_asked_for_on_the_way(grey: Runtime) -> None:
    with grey.stream(Camera([0, 0, 1, 2])) as stream:
        with pytest.raises(InputError, match="no segment was given yet"):
            stream.report()
        next(stream)
        first = stream.report()
        assert isinstance(first, Report)
        assert (first.duration_s, first.source, first.segments) == (4.5, "frames", ())
        assert first.video["width"] == 48
        list(stream)
        assert stream.report().duration_s == 6.0
        assert first.duration_s == 4.5


def test_a_model_without_questions_gives_windows(
    model_folder: Path, engine: GreyEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    folder = ModelFolder(model_folder)
    monkeypatch.setattr(folder, "config", dataclasses.replace(folder.config, questions={}))
    with Runtime(folder, engine, Limits()) as bare:
        engine.leaves = bare.codebook.leaves
        camera = Camera([0, 1, 2, 3, 4, 5])
        came = [(s.start_s, s.end_s, s.answers, camera.asked) for s in bare.stream(camera)]
        assert came == [(0.0, 6.0, {}, 5 * 15), (6.0, 9.0, {}, 6 * 15 + 1)]
        assert plain(bare.run(Camera(camera.greys)).segments) == plain(bare.stream(array(camera.greys)))


# --- how it ends ---


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
    grey._stages._clips.submit(lambda: None).result(LONGEST_S)
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


# --- memory ---


def one_frame_a_clip(greys: Iterator[int]) -> Iterator[Frame]:
    """A picture that stands for as long as a clip: 2,000 clips are 2,000 frames."""
    for number, value in enumerate(greys):
        yield np.full((48, 48, 3), value, np.uint8), 1.5 * number


@pytest.mark.parametrize("changes", ["never", "with neighbours"])
def test_memory_does_not_grow_over_two_thousand_clips(grey: Runtime, changes: str) -> None:
    greys = iter([0] * 2000 if changes == "never" else [clip % 50 for clip in range(2000)])
    sizes: list[int] = []

    def measure(done_s: float, total_s: float | None) -> None:
        # The pictures of the report are thinned out at each doubling: here they are equally many.
        if round(done_s / 1.5) in (240, 1920):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])

    context_clips = 2 if changes == "with neighbours" else 0
    tracemalloc.start()
    try:
        stream = grey.stream(one_frame_a_clip(greys), on_progress=measure, context_clips=context_clips)
        count = sum(1 for _ in stream)
    finally:
        tracemalloc.stop()
    assert (count == 1) == (changes == "never")
    assert len(sizes) == 2
    # 1,680 clips are 174 MB of pixels, one picture of each 11 MB.
    assert sizes[1] - sizes[0] < 300_000


def test_a_live_stream_is_held_to_the_longest_duration(model_folder: Path, engine: GreyEngine) -> None:
    with Runtime(ModelFolder(model_folder), engine, Limits(max_duration_s=4)) as model:
        engine.leaves = model.codebook.leaves
        stream = model.stream(Camera([0, 1, 2, 3]))
        assert isinstance(next(stream), ReportSegment)
        with pytest.raises(LimitExceeded, match="max_duration_s"):
            list(stream)
