"""Segments as they close: when each comes, and that they are those of `run`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grey_engine import LONGEST_S, WORDS, Camera, Frame, GreyEngine, array, plain

from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.scoring import Clips
from videobert.results.run import Report
from videobert.runtime import Runtime
from videobert.video.source.frame_array import FrameArray
from videobert.visual.tokens import VisualTokens

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


def reference(opened: Any, tokens: VisualTokens, reach: int) -> list[tuple[Any, ...]]:
    """Segments worked out from all tokens at once, in numpy."""
    (question,) = opened.config.questions.values()
    scorer = LabelScorer(opened, question.templates, question.labels)
    windows = [tokens.ids[max(0, clip - reach) : clip + reach + 1] for clip in range(len(tokens))]
    scores = np.stack([scorer.scores([Clips(ids=window)])[0] for window in windows])
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

    wanted = reference(grey._opened, tokens, context_clips)
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
