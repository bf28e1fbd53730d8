"""Clips in shots of a whole video: of pixels, of features, of tokens, of clips that are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.small_conse import film, open_small_conse

from videobert.base.errors import InputError
from videobert.pipeline.request import Request
from videobert.pipeline.seen_in_shots import SeenInShots, see_in_shots
from videobert.runtime import Runtime
from videobert.video.open import open_clips

RED, GREEN, DARK = (200, 20, 20), (20, 200, 20), (10, 10, 10)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse")) as opened:
        yield opened


def seen(
    model: Runtime, video: object, span: tuple[float, float] | None = None, stride: int | None = None
) -> SeenInShots:
    return see_in_shots(model._opened, video, Request(stride=stride), span)


def times(found: SeenInShots) -> list[tuple[float, float]]:
    return [(pytest.approx(part.start_s), pytest.approx(part.end_s)) for part in found.parts]


def test_no_clip_shows_two_shots(model: Runtime) -> None:
    found = seen(model, film(RED, GREEN, seconds=2.0))
    assert found.cuts_s == (2.0,)
    # Two clips of 1.5 s in each shot of 2 s: each stands for its half.
    assert times(found) == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]
    assert found.shots == (0, 0, 1, 1)
    assert found.by_shot() == [range(0, 2), range(2, 4)]
    assert [int(part.ids[0]) for part in found.parts] == [0, 0, 1, 1]
    assert all(part.sure is not None and part.sure[0] for part in found.parts)
    assert not found.tokens_only
    assert found.origin.decoder is None


def test_a_clip_alone_in_its_shot_has_no_neighbour_to_be_sure_with(model: Runtime) -> None:
    found = seen(model, film(RED, DARK, RED, seconds=1.5))
    assert [bool(part.sure[0]) for part in found.parts if part.sure is not None] == [True, False, True]


def test_saved_features_part_at_the_cuts_that_they_know(model: Runtime) -> None:
    saved = model.features(film(RED, GREEN, seconds=2.0))
    found = seen(model, saved)
    assert found.cuts_s == (2.0,)
    # Clips begin every 1.5 s. A third of the second one is red, so it is not heard: each shot has one of its own.
    assert times(found) == [(0.0, 2.0), (2.0, 4.0)]
    assert found.shots == (0, 1)
    assert [int(part.ids[0]) for part in found.parts] == [0, 1]


def test_a_clip_across_a_cut_is_heard_where_its_shot_has_no_other(model: Runtime) -> None:
    saved = model.features(film(RED, GREEN, RED, seconds=1.3))
    found = seen(model, saved)
    assert found.cuts_s == (1.3, 2.6)
    # Clips of 0 to 1.5 s, 1.5 to 3 s and 3 to 3.9 s: the second shows some of the third shot, and is not stood to.
    assert found.shots == (0, 1, 2)
    sure = [bool(part.sure[0]) for part in found.parts if part.sure is not None]
    assert not sure[1]


def test_saved_tokens_part_at_the_cuts_that_they_know(model: Runtime) -> None:
    saved = model.tokens(film(RED, GREEN))
    found = seen(model, saved)
    assert found.cuts_s == (3.0,)
    assert found.tokens_only
    assert times(found) == [(0.0, 1.5), (1.5, 3.0), (3.0, 4.5), (4.5, 6.0)]
    assert found.by_shot() == [range(0, 2), range(2, 4)]


def test_tokens_that_were_saved_without_cuts_say_so(model: Runtime) -> None:
    found = seen(model, dataclasses.replace(model.tokens(film(RED, GREEN)), cuts_s=None))
    assert found.cuts_s is None
    assert found.by_shot() == [range(0, 4)]


def test_clips_that_are_given_lie_where_they_lie(model: Runtime) -> None:
    with open_clips(film(RED, GREEN), model.recipe) as clips:
        found = seen(model, clips)
    assert times(found) == [(0.0, 1.5), (1.5, 3.0), (3.0, 4.5), (4.5, 6.0)]
    assert found.cuts_s == (3.0,)


def test_a_span_is_looked_at_alone(model: Runtime) -> None:
    video = film(RED, GREEN, DARK)
    for given in (video, model.features(video), model.tokens(video)):
        found = seen(model, given, (3.0, 6.0))
        assert (found.start_s, found.end_s) == (3.0, 6.0)
        assert {int(part.ids[0]) for part in found.parts} == {1}
        # Less than a clip, which lies in the middle of one.
        short = seen(model, given, (3.2, 3.4))
        assert (short.parts[0].start_s, short.parts[-1].end_s) == (pytest.approx(3.2), pytest.approx(3.4))
        with pytest.raises(InputError, match="the span lies outside the video"):
            seen(model, given, (9.5, 12.0))


def test_a_stride_leaves_clips_out_but_no_time(model: Runtime) -> None:
    found = seen(model, film(RED, seconds=9.0), stride=2)
    assert times(found) == [(0.0, 2.25), (2.25, 5.25), (5.25, 9.0)]
    assert found.origin.stride == 2


def test_an_empty_video_is_an_error(model: Runtime, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        seen(model, iter(()))
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(InputError):
        seen(model, broken)
