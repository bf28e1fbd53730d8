"""The family univl: two streams that meet in vectors and in a cross encoder, in a model without visual tokens."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.numpy_univl import CONFIG, WIDTH, NumpyUniVl, open_numpy_univl, write_numpy_univl
from tests.small_conse import film
from tests.small_univl import RECIPE

from videobert.base.errors import InputError, LimitExceeded, MismatchError, ModelError
from videobert.doctor.model_summary import summarize
from videobert.families.univl import UniVl
from videobert.model.config import ModelConfig
from videobert.pipeline.scoring import Clips
from videobert.results.as_json import to_json
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_numpy_univl(tmp_path_factory.mktemp("univl")) as opened:
        yield opened


def engine_of(model: Runtime) -> NumpyUniVl:
    engine = model._opened.engine
    assert isinstance(engine, NumpyUniVl)
    return engine


def clips(*channels: int) -> Clips:
    rows = np.eye(4, dtype=np.float32)[list(channels)]
    rows[:, 3] = 1
    return Clips(ids=np.zeros(0, np.int32), features=rows)


# --- vectors ---


def test_a_text_is_the_mean_of_its_states_but_the_first(model: Runtime) -> None:
    found = model.embed(text="a red square")
    tokenizer = model._opened.tokenizer
    ids = [*tokenizer.encode("a red square"), tokenizer.special.sep]
    np.testing.assert_allclose(found.vector, engine_of(model).words[ids].mean(axis=0), atol=1e-7)
    assert found.comparable


def test_a_film_is_the_mean_of_its_clips_however_they_are_windowed(model: Runtime) -> None:
    family = model._opened.embeds
    one = family.vector(None, [clips(0, 1, 1, 2, 0)])
    np.testing.assert_allclose(one[:4], [0.4, 0.4, 0.2, 1.0], atol=1e-6)
    np.testing.assert_allclose(family.vector(None, [clips(0, 1), clips(1, 2), clips(0)]), one, atol=1e-7)


def test_text_and_film_together_are_the_middle_of_both(model: Runtime) -> None:
    family = model._opened.embeds
    text, video = family.vector([5], None), family.vector(None, [clips(0)])
    np.testing.assert_allclose(family.vector([5], [clips(0)]), (text + video) / 2, atol=1e-7)


# --- the fused sequence ---


def test_a_text_fits_the_stretches_that_show_it(model: Runtime) -> None:
    found = model.align(film(RED, BLUE), "red", window_clips=1)
    assert not found.calibrated
    assert found.similarity == pytest.approx(np.mean([window.similarity for window in found.windows]))
    assert found.windows[0].score == pytest.approx(1 / (1 + np.exp(-found.windows[0].similarity)))
    assert [window.score > 0.5 for window in found.windows] == [True, True, False, False]
    assert found.percentile is None
    assert not found.out_of_domain


def test_hidden_words_are_told_from_the_film(model: Runtime) -> None:
    (filled,) = model.fill("a [MASK] square", film(BLUE)).filled
    assert filled.candidates[0].text == "blue"
    (alone,) = model.fill("a [MASK] square").filled
    assert alone.candidates[0].score < 0.2


def test_a_hidden_moment_is_told_among_the_clips_of_the_film(model: Runtime) -> None:
    shown = film(RED, BLUE, RED)
    with_blue = model.fill("", shown, visual=[3]).filled[0]
    assert with_blue.kind == "visual"
    assert (with_blue.start_s, with_blue.end_s) == (4.5, 6.0)
    # The window that holds it shows the other blue clip.
    assert {candidate.id for candidate in with_blue.candidates[:2]} == {2, 3}
    assert {candidate.text for candidate in with_blue.candidates[:2]} == {"3.0–4.5 s", "4.5–6.0 s"}


def test_a_hidden_clip_has_zeros_for_its_feature_and_others_keep_theirs(model: Runtime) -> None:
    family = model._opened.family
    assert isinstance(family, UniVl)
    stretch = clips(0, 1)
    hidden = family.joint([5], stretch, [1])
    np.testing.assert_array_equal(hidden.features[1], 0)
    np.testing.assert_array_equal(hidden.features[0], stretch.features[0])
    assert stretch.features is not None
    assert stretch.features[1].any()
    assert hidden.key != family.joint([5], stretch).key
    with pytest.raises(InputError, match="does not exist"):
        family.joint([5], stretch, [2])


def test_the_video_begins_where_a_text_has_room_to(model: Runtime) -> None:
    """Positions of the video do not depend on the text's length, nor on texts beside it."""
    family = model._opened.family
    assert isinstance(family, UniVl)
    short, long = family.joint([5], clips(0)), family.joint([5] * 30, clips(0))
    assert (short.visual_start, long.visual_start) == (16, 32)
    together = list(family.states([(one, range(one.visual_start + 1)) for one in (short, long, short)]))
    for one, states in zip((short, long, short), together, strict=True):
        (alone,) = family.states([(one, range(one.visual_start + 1))])
        np.testing.assert_array_equal(alone, states)


def test_what_is_too_long_is_refused(model: Runtime) -> None:
    family = model._opened.family
    assert isinstance(family, UniVl)
    assert family.room(3) == 64  # what the video encoder has
    with pytest.raises(LimitExceeded, match="word pieces"):
        family.text([5] * 63)
    with pytest.raises(LimitExceeded, match="longer than the model's positions"):
        family.joint([5] * 60, clips(*[0] * 65))


def test_a_text_alone_is_a_hidden_clip_where_streams_attend_to_each_other(tmp_path: Path) -> None:
    assert CONFIG.two_streams is not None
    streams = dataclasses.replace(CONFIG.two_streams, fusion_kind="cross_attention")
    with open_numpy_univl(tmp_path, two_streams=streams) as model:
        family, seen = model._opened.family, []
        engine = engine_of(model)
        run = engine._cross_encoder

        def counted(**inputs: object) -> object:
            seen.append(inputs["video_lengths"])
            return run(**inputs)

        engine._cross_encoder = counted  # type: ignore[method-assign]
        assert isinstance(family, UniVl)
        next(family.states([(family.text([5]), (0,))]))
        assert [lengths.tolist() for lengths in seen] == [[1]]


# --- a model without visual tokens ---


def test_everything_that_needs_no_tokens_works(model: Runtime, tmp_path: Path) -> None:
    shown = film(RED, GREEN, BLUE)
    report = model.run(shown)
    assert [segment.answers["colour"][0].text for segment in report.segments] == ["red", "green", "blue"]
    assert all(segment.tokens == () and segment.percentile is None for segment in report.segments)
    assert report.origin.assignment is None
    assert [to_json(segment) for segment in model.stream(shown)] == [to_json(segment) for segment in report.segments]
    classified = model.classify(shown, question="colour", window_clips=2)
    assert [segment.candidates[0].text for segment in classified.segments] == ["red", "green", "blue"]
    saved = model.features(shown)
    saved.save(tmp_path / "film.vbf")
    again = VideoFeatures.load(tmp_path / "film.vbf")
    assert model.align(again, "red").score == pytest.approx(model.align(shown, "red").score, abs=1e-3)
    assert [segment.answers["colour"][0].text for segment in model.run(again).segments] == ["red", "green", "blue"]
    model.warmup()


def test_segments_of_a_model_without_questions_are_as_long_as_its_windows(tmp_path: Path) -> None:
    with open_numpy_univl(tmp_path, questions={}) as model:
        report = model.run(film(RED, GREEN, BLUE))
        assert [(segment.start_s, segment.end_s) for segment in report.segments] == [(0, 3), (3, 6), (6, 9)]


def test_who_asks_for_tokens_is_told_that_there_are_none(model: Runtime) -> None:
    shown = film(RED)
    for ask in (
        lambda: model.tokens(shown),
        lambda: model.codebook,
        lambda: model.run(shown, stride=1) and model.tokens(shown, assignment="tree"),
        lambda: model.align(_tokens(), "red"),
    ):
        with pytest.raises(ModelError, match="no visual tokens"):
            ask()
    assert "backbone" not in engine_of(model).calls[-1:]


def _tokens() -> VisualTokens:
    with np.errstate(all="ignore"):
        return VisualTokens.on_grid(
            first_s=0.0,
            last_end_s=1.5,
            ids=np.zeros(1, np.int32),
            percentiles=np.full(1, 50, np.float32),
            padded_frames=0,
            stride=1,
            clip_s=RECIPE.frames / RECIPE.fps,
            model="other",
            codebook="0" * 16,
            clip_recipe="0" * 16,
            assignment="flat",
            engine="numpy",
            precision="fp32",
        )


def test_features_of_another_backbone_are_refused(model: Runtime) -> None:
    saved = dataclasses.replace(model.features(film(RED)), backbone="0123456789abcdef")
    with pytest.raises(MismatchError, match="another model"):
        model.align(saved, "red")


def test_show_and_the_doctor_know_such_a_model(tmp_path: Path) -> None:
    write_numpy_univl(tmp_path)
    summary = summarize(tmp_path)
    assert summary.codebook is None
    assert not any("codebook" in problem.what for problem in summary.problems)


def test_a_model_with_nothing_but_encoders_embeds_and_refuses_the_rest(tmp_path: Path) -> None:
    assert CONFIG.two_streams is not None
    streams = dataclasses.replace(CONFIG.two_streams, fusion=None)
    with open_numpy_univl(tmp_path, two_streams=streams, heads=(), questions={}) as model:
        assert model.embed(film(RED), "red").vector.shape == (WIDTH,)
        with pytest.raises(ModelError, match="no alignment head"):
            model.align(film(RED), "red")
        with pytest.raises(ModelError, match="no text head"):
            model.fill("a [MASK]")


def test_a_model_that_has_a_codebook_tells_moments_as_its_tokens(tmp_path: Path) -> None:
    with open_numpy_univl(tmp_path, visual_tokens=3) as model:
        shown = film(RED, BLUE)
        tokens = model.tokens(shown)
        assert tokens.ids.tolist() == [0, 0, 2, 2]
        (hidden,) = model.fill("", shown, visual=[3]).filled
        assert hidden.candidates[0].text == "<2>"
        report = model.run(shown)
        assert [segment.tokens for segment in report.segments] == [(0, 0), (2, 2)]
        # Tokens alone do not tell what such a model works on.
        with pytest.raises(InputError, match="do not tell the features"):
            model.align(tokens, "red")


# --- config.json ---


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"two_streams": None}, "two_streams"),
        ({"heads": ("text", "decoder")}, "two_streams.decoder"),
        ({"family": "videobert"}, "visual_tokens"),
        ({"visual_tokens": -1}, "visual_tokens"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        ModelConfig.from_json(dataclasses.replace(CONFIG, **changes).to_json())
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fusion_kind": "sum"}, "fusion_kind"),
        ({"fusion": None}, "heads"),
        ({"text_room": 128}, "text_room"),
        ({"normalize_video": 1}, "normalize_video"),
        ({"decoder": CONFIG.encoder}, "two_streams.decoder"),
    ],
)
def test_impossible_streams_are_refused(changes: dict[str, object], said: str) -> None:
    assert CONFIG.two_streams is not None
    streams = dataclasses.replace(CONFIG.two_streams, **changes)
    with pytest.raises(ModelError) as caught:
        ModelConfig.from_json(dataclasses.replace(CONFIG, two_streams=streams).to_json())
    assert said in str(caught.value)
