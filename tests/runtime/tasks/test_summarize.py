"""`summarize`: what is kept of a film, why, and what it says where nothing fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests import small_model
from tests.one_output import OneOutput
from tests.small_conse import film
from tests.small_milnce import open_small_milnce

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.results.summarize import Summary
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

WORDS = 128
RED, GREEN = (220, 20, 20), (20, 220, 20)


class FitsOneToken(OneOutput):
    """A text belongs to the clips of one visual token, and to no others."""

    name, device, precision, parallel, takes_device_arrays = "known", "CPU", "fp32", 1, False
    fallback: str | None = None
    token = 7

    def run(self, stage: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            states = np.zeros((*inputs["ids"].shape, 64), np.float32)
            states[:, 0, 0] = (inputs["ids"] == WORDS + self.token).any(axis=1)
            return states
        assert stage == "alignment_head"
        return np.where(inputs["states"][:, 0] > 0, 4.0, -4.0).astype(np.float32)

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def known(model_folder: Path) -> Iterator[Runtime]:
    with Runtime(ModelFolder(model_folder), FitsOneToken(), Limits(max_duration_s=20_000)) as runtime:
        yield runtime


@pytest.fixture
def apart(known: Runtime) -> list[int]:
    """Four tokens, the centroids of which lie far from each other, seen from their middle."""
    rows = known.codebook.leaves - known.codebook.leaves.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    chosen = [FitsOneToken.token]
    while len(chosen) < 4:
        chosen.append(int(np.argmin(cosines[:, chosen].max(axis=1))))
    assert (cosines[np.ix_(chosen, chosen)] - np.eye(4)).max() < 0.7
    return chosen


def tokens_of(model: Runtime, ids: list[int]) -> VisualTokens:
    return small_model.tokens_of(model, ids, engine="known")


def holds(summary: Summary, start_s: float, end_s: float) -> bool:
    return any(span.start_s <= start_s + 1e-9 and end_s - 1e-9 <= span.end_s for span in summary)


def check(summary: Summary) -> None:
    """What holds of every summary."""
    assert summary.spans
    assert summary.seconds <= summary.budget_s + 1e-6
    assert all(one.end_s <= other.start_s + 1e-9 for one, other in pairwise(summary))
    np.testing.assert_allclose(sum(span.score for span in summary), summary.cover, atol=1e-5)
    assert 0 < summary.cover <= 1 + 1e-6


def test_saved_tokens_alone_are_enough_and_what_is_rare_is_kept(known: Runtime, apart: list[int]) -> None:
    """Ninety seconds of two scenes in turn, and one clip of a third."""
    ids = (apart[:1] * 6 + apart[1:2] * 4) * 6
    ids[37] = apart[2]
    summary = known.summarize(tokens_of(known, ids), seconds=6)
    check(summary)
    assert summary.shots_by is None
    assert holds(summary, 37 * 1.5, 38 * 1.5)
    (rare,) = [span for span in summary if span.why == "rare"]
    assert rare.reason == "rare: 1.5 s of 90.0 s look like it"
    assert {ids[int(span.start_s / 1.5)] for span in summary} == set(apart[:3])
    common = max(summary, key=lambda span: span.stands_for_s)
    assert common.why == "stands_for"
    assert common.reason == f"stands for {common.stands_for_s:.1f} s of 90.0 s"
    assert common.stands_for_s > 30
    assert all(span.part_of is None and span.fits is None for span in summary)


def test_a_budget_of_all_keeps_all_that_differs(known: Runtime, apart: list[int]) -> None:
    summary = known.summarize(tokens_of(known, apart), share=1)
    check(summary)
    assert [(span.start_s, span.end_s) for span in summary] == [(0, 1.5), (1.5, 3), (3, 4.5), (4.5, 6)]
    np.testing.assert_allclose(summary.cover, 1, atol=1e-5)


def test_a_share_of_a_short_film_is_one_clip_at_least(known: Runtime, apart: list[int]) -> None:
    summary = known.summarize(tokens_of(known, apart[:2]))
    check(summary)
    assert (summary.budget_s, summary.seconds) == (1.5, 1.5)
    assert known.summarize(tokens_of(known, apart[:1])).cover == pytest.approx(1)


def test_a_text_draws_the_summary_to_what_fits_it(known: Runtime, apart: list[int]) -> None:
    fitting = FitsOneToken.token
    ids = [apart[1]] * 20 + [apart[2]] * 20 + [fitting] + [apart[3]] * 20
    summary = known.summarize(tokens_of(known, ids), seconds=1.5, text="a red square")
    check(summary)
    assert (summary.calibrated, summary.unsure, summary.text) == (True, False, "a red square")
    (span,) = summary
    assert (span.start_s, span.why) == (60.0, "text")
    assert span.reason == "fits the text (0.98)"
    assert span.fits == pytest.approx(1 / (1 + np.exp(-4)))
    # The rest of the budget goes to the rest of the film.
    longer = known.summarize(tokens_of(known, ids), seconds=6, text="a red square")
    assert holds(longer, 60, 61.5)
    assert [each.why == "text" for each in longer].count(True) == 1
    assert len(longer.spans) > 1


def test_where_nothing_fits_the_text_it_says_so_and_sums_up_the_film(known: Runtime, apart: list[int]) -> None:
    video = tokens_of(known, [apart[1]] * 6 + [apart[2]] * 2)
    summary = known.summarize(video, seconds=3, text="a red square")
    check(summary)
    assert summary.unsure
    assert {span.why for span in summary} == {"stands_for"}
    plain = known.summarize(video, seconds=3)
    assert [(span.start_s, span.end_s) for span in plain] == [(span.start_s, span.end_s) for span in summary]


def test_saved_features_bring_their_shots_which_are_kept_whole(known: Runtime, apart: list[int]) -> None:
    ids = [apart[0]] * 4 + [apart[1]] * 2 + [apart[2]] * 2
    features = VideoFeatures(
        features=known.codebook.leaves[ids].astype(np.float16),
        first_s=0.0,
        end_s=12.0,
        padded_frames=0,
        stride=1,
        clip_s=Fraction(3, 2),
        model="tiny",
        backbone=known._opened.backbone_hash,
        clip_recipe=known.recipe.clip_hash,
        engine="known",
        precision="fp32",
        cuts_s=np.array([5.8, 9.1]),
    )
    summary = known.summarize(features, seconds=6.3)
    check(summary)
    assert summary.shots_by == "saved"
    bounds = {(0.0, 5.8), (5.8, 9.1), (9.1, 12.0)}
    assert {(span.start_s, span.end_s) for span in summary} < bounds
    short = known.summarize(features, seconds=3.1)
    check(short)
    parts = [span for span in short if span.part_of is not None]
    assert parts
    for part in parts:
        assert part.reason.endswith(f"a part of a shot of {part.part_of[1] - part.part_of[0]:.1f} s")


def test_a_film_is_cut_into_shots_whatever_the_model(model: Runtime, make_video: Callable[..., Any]) -> None:
    """A film in every form has the same summary, and frames that come live too."""
    video = make_video(23.0, 5)
    summary = model.summarize(video, seconds=5)
    check(summary)
    assert summary.shots_by == "differences"
    live = ((frame, float(time)) for frame, time in zip(video.frames, video.times_s, strict=True))
    again = model.summarize(live, seconds=5)
    assert [(span.start_s, span.end_s) for span in again] == [(span.start_s, span.end_s) for span in summary]
    assert model.summarize(video, seconds=8, stride=2).shots_by is None


def test_a_model_that_compares_ranks_the_stretches_of_the_film(tmp_path: Path) -> None:
    with open_small_milnce(tmp_path) as model:
        summary = model.summarize(film(*[RED] * 4, *[GREEN] * 2, *[RED] * 4), seconds=3.2, text="green square")
    check(summary)
    assert (summary.calibrated, summary.unsure) == (False, False)
    best = max(summary, key=lambda span: span.fits or 0)
    assert (best.fits, best.why) == (pytest.approx(1, abs=1e-2), "text")
    assert 12 <= best.start_s < best.end_s <= 18


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        ({"seconds": 0}, UsageError, "no length"),
        ({"seconds": -1}, UsageError, "seconds is out of range"),
        ({"seconds": float("nan")}, UsageError, "seconds is out of range"),
        ({"share": 0}, UsageError, "no length"),
        ({"share": 1.5}, UsageError, "share is out of range"),
        ({"seconds": 1.4}, InputError, "shorter than anything"),
        ({"text": " "}, InputError, "empty"),
        ({"text": "zebra"}, InputError, "knows no word"),
        ({"text": "red " * 500}, InputError, "longer than"),
    ],
)
def test_what_makes_no_summary_is_refused(
    known: Runtime, apart: list[int], ask: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        known.summarize(tokens_of(known, apart), **ask)


@pytest.mark.parametrize("none", [{"seconds": 0}, {"share": 0}])
def test_a_summary_of_no_length_names_the_options_of_the_command(known: Runtime, none: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="no length") as refused:
        known.summarize("nowhere.mp4", **none)
    assert refused.value.fix_cli == "For example --seconds 30, or --share 0.15 of the video."


def test_a_model_that_cannot_align_says_so_before_the_film_is_read(tmp_path: Path) -> None:
    from tests.small_next_token import open_small_next_token

    with open_small_next_token(tmp_path) as model, pytest.raises(ModelError, match="cannot judge whether a text"):
        model.summarize(tmp_path / "nowhere.mp4", text="the pan")
