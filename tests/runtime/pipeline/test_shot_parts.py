"""Shots in the answers: segments part at cuts, at the cut's own time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.small_conse import film, open_small_conse
from tests.small_model import mp4

from videobert.results.run import Report, Shot
from videobert.runtime import Runtime
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

RED, OTHER_RED, GREEN = (220, 20, 20), (220, 75, 20), (20, 20, 220)
# Cuts at 2.2 s and 4.4 s; clips are of 1.5 s.
FILM = film(RED, OTHER_RED, GREEN, seconds=2.2)
SHOTS = (Shot(start_s=0.0, end_s=2.2), Shot(start_s=2.2, end_s=4.4), Shot(start_s=4.4, end_s=6.6))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse")) as opened:
        yield opened


def spans(report: Report) -> list[tuple[float, float]]:
    return [(segment.start_s, segment.end_s) for segment in report.segments]


def test_segments_part_at_cuts_whatever_the_answer(model: Runtime) -> None:
    report = model.run(FILM)
    assert report.shots == SHOTS
    assert report.shots_by == "transnet_v2"
    assert spans(report) == [(0.0, 2.2), (2.2, 4.4), (4.4, 6.6)]
    assert [s.answers["colour"][0].text for s in report.segments] == ["red", "red", "green"]


def test_a_video_file_has_the_same_shots(model: Runtime, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(mp4(FILM))
    for video in (tmp_path / "film.mp4", mp4(FILM)):
        assert model.run(video).shots == SHOTS


def test_stream_parts_as_run_does(model: Runtime) -> None:
    with model.stream(FILM) as stream:
        assert [(s.start_s, s.end_s) for s in stream] == spans(model.run(FILM))
        assert stream.report().shots == SHOTS


def test_a_long_film_is_answered_before_it_ends(model: Runtime) -> None:
    long = film(*[RED, GREEN] * 12, seconds=3.0)
    with model.stream(long) as stream:
        next(stream)
        assert stream.report().shots == ()
        assert len(list(stream)) == 23


def test_saved_features_know_the_cuts(model: Runtime, tmp_path: Path) -> None:
    features = model.features(FILM)
    assert features.cuts_s is not None
    assert features.cuts_s.tolist() == [2.2, 4.4]
    features.save(tmp_path / "film.vbf")
    report = model.run(tmp_path / "film.vbf")
    assert (report.shots, report.shots_by) == (SHOTS, "saved")
    assert spans(report) == [(0.0, 2.2), (2.2, 4.4), (4.4, 6.6)]


def test_clips_that_are_given_are_looked_at_too(model: Runtime) -> None:
    with open_clips(FILM, model.recipe) as clips:
        report = model.run(list(clips))
    assert report.shots_by == "differences"
    assert [shot.start_s for shot in report.shots] == [0.0, pytest.approx(4.4)]


def test_a_model_without_a_network_has_a_signal_of_its_own(tmp_path: Path) -> None:
    with open_small_conse(tmp_path, shots=None) as model:
        report = model.run(film(RED, GREEN, seconds=2.2))
        assert report.shots_by == "differences"
        assert [shot.start_s for shot in report.shots] == [0.0, 2.2]


@pytest.mark.parametrize("stride", [2, 3])
def test_nobody_looks_for_shots_where_frames_are_left_out(model: Runtime, stride: int) -> None:
    report = model.run(FILM, stride=stride)
    assert (report.shots, report.shots_by) == ((), None)
    assert model.features(FILM, stride=stride).cuts_s is None


def test_tokens_know_the_shots_of_their_video(model: Runtime) -> None:
    tokens = model.tokens(FILM)
    report = model.run(tokens)
    assert (report.shots, report.shots_by) == (model.run(FILM).shots, "saved")
    # As those that were saved before files kept cuts.
    report = model.run(dataclasses.replace(tokens, cuts_s=None))
    assert (report.shots, report.shots_by) == ((), None)


def test_a_live_source_gives_what_it_knows(model: Runtime) -> None:
    given = iter(list(zip(FILM.frames, FILM.times_s.tolist(), strict=True)))
    with model.stream(given) as stream:
        assert [s.end_s for s in stream][-1] == pytest.approx(6.6)
        assert stream.report().shots == SHOTS


def test_a_film_of_one_frame_is_one_shot(model: Runtime) -> None:
    report = model.run(FrameArray(FILM.frames[:1], np.zeros(1)))
    assert len(report.shots) == 1
    assert len(report.segments) == 1
