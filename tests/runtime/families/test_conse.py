"""The family conse: a clip's vector is the combination of its labels' text vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.small_conse import BIAS, CONFIG, WEIGHT, NumpyEngine, film, open_small_conse
from tests.small_model import COLOURS

from videobert.base.errors import LimitExceeded, ModelError
from videobert.families.conse import Conse
from videobert.pipeline.scoring import Clips
from videobert.runtime import Runtime

RED, DARK, BLUE_FILM = (220, 20, 20), (15, 15, 15), (20, 220, 20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse")) as opened:
        yield opened


def unit(vector: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return vector / np.linalg.norm(vector)


def text_vector(model: Runtime, text: str) -> npt.NDArray[Any]:
    """The mean of the states of a text, special words and all, of length one."""
    tokenizer = model._opened.tokenizer
    ids = [tokenizer.special.cls, *tokenizer.encode(text), tokenizer.special.sep]
    return unit(NumpyEngine()._words[ids].mean(axis=0))


def label_vectors(model: Runtime) -> npt.NDArray[Any]:
    return np.stack([unit(text_vector(model, f"a {c} square") + text_vector(model, c)) for c in COLOURS])


def clips(*features: tuple[float, float, float]) -> Clips:
    rows = np.array([(*feature, 1.0) for feature in features], np.float32)
    return Clips(ids=(rows @ WEIGHT.T + BIAS).argmax(axis=1).astype(np.int32), features=rows)


def test_a_text_is_the_mean_of_its_states(model: Runtime) -> None:
    np.testing.assert_allclose(model.embed(text="a red square").vector, text_vector(model, "a red square"), atol=1e-6)


def test_a_text_does_not_depend_on_those_beside_it(model: Runtime) -> None:
    family = model._opened.family
    assert isinstance(family, Conse)
    pieces = [model._opened.tokenizer.encode(text) for text in ("red", "a dark circle moves left", "the square is red")]
    together = family._text_vectors(pieces, None)
    np.testing.assert_array_equal(together, np.concatenate([family._text_vectors([one], None) for one in pieces]))


def test_a_clip_is_the_combination_of_its_labels(model: Runtime) -> None:
    family = model._opened.embeds
    feature = (0.3, 0.25, 0.1)
    logits = WEIGHT[:, :3] @ np.array(feature) + BIAS
    shares = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(family.vector(None, [clips(feature)]), unit(shares @ label_vectors(model)), atol=1e-5)


def test_only_the_most_probable_labels_count(tmp_path: Path) -> None:
    assert CONFIG.text_space is not None
    space = dataclasses.replace(CONFIG.text_space, top=1)
    with open_small_conse(tmp_path, text_space=space) as model:
        found = model._opened.embeds.vector(None, [clips((0.3, 0.29, 0.1))])
        np.testing.assert_allclose(found, label_vectors(model)[0], atol=1e-6)


def test_clips_that_the_classifier_is_unsure_of_do_not_count_beside_others(model: Runtime) -> None:
    family = model._opened.embeds
    sure, unsure = (0.9, 0.0, 0.0), (0.0, 0.02, 0.0)
    np.testing.assert_allclose(
        family.vector(None, [clips(sure, unsure)]), family.vector(None, [clips(sure)]), atol=1e-6
    )
    np.testing.assert_allclose(
        family.vector(None, [clips(unsure, unsure)]), family.vector(None, [clips(unsure)]), atol=1e-6
    )


def test_text_and_video_lie_in_one_space(model: Runtime) -> None:
    video = model.embed(film(RED))
    assert video.comparable
    assert model.embed(text="red").comparable
    fits = {colour: float(video.vector @ model.embed(text=f"a {colour} square").vector) for colour in COLOURS}
    assert max(fits, key=lambda colour: fits[colour]) == "red"
    assert np.linalg.norm(video.vector) == pytest.approx(1.0, abs=1e-6)
    joint = model.embed(film(RED), text="blue")
    np.testing.assert_allclose(joint.vector, unit(video.vector + model.embed(text="blue").vector), atol=1e-6)
    assert joint.kind == "joint"


def test_a_score_of_a_half_is_at_the_cosine_that_the_model_says(model: Runtime) -> None:
    space = CONFIG.text_space
    assert space is not None
    family = model._opened.aligns
    stretch = clips((0.9, 0.0, 0.0))
    pieces = model._opened.tokenizer.encode("red")
    cosine = float(model._opened.embeds.vector(None, [stretch]) @ model.embed(text="red").vector)
    expected = (cosine - space.cosine_at_half) / space.cosine_scale
    assert family.log_odds(pieces, [stretch])[0] == pytest.approx(expected, abs=1e-4)


def test_what_is_unsure_aligns_less(model: Runtime) -> None:
    family, pieces = model._opened.aligns, model._opened.tokenizer.encode("red")
    sure = clips((0.9, 0.0, 0.0))
    doubted = dataclasses.replace(sure, sure=np.zeros(1, np.bool_))
    assert family.log_odds(pieces, [sure])[0] - family.log_odds(pieces, [doubted])[0] == pytest.approx(4.0, abs=1e-5)


def test_saved_tokens_stand_for_their_labels(model: Runtime) -> None:
    tokens = Clips(ids=np.array([1], np.int32), scores=np.array([0.4], np.float32), sure=np.array([True]))
    np.testing.assert_allclose(model._opened.embeds.vector(None, [tokens]), label_vectors(model)[1], atol=1e-6)


def test_a_text_that_is_too_long_is_refused(model: Runtime) -> None:
    with pytest.raises(LimitExceeded, match="longer than the model can hold") as refused:
        model.embed(text="red " * 31)
    assert "30" in str(refused.value.allowed)
    assert len(model.embed(text="red " * 30).vector) == CONFIG.encoder.width


def test_what_it_cannot_do_names_the_models_that_can(model: Runtime) -> None:
    with pytest.raises(ModelError, match="models of the family conse cannot fill in words") as refused:
        model.fill("a [MASK] square", film(RED))
    assert refused.value.allowed == "videobert with the text head; univl with the text head"
    with pytest.raises(ModelError, match="cannot fill in moments"):
        model.fill("a square", film(RED), visual=[0])


def test_labels_are_encoded_once(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as model:
        engine = model._opened.engine
        assert isinstance(engine, NumpyEngine)
        model.warmup()
        before = engine.calls.count("text_encoder")
        assert before
        model.embed(film(RED))
        assert engine.calls.count("text_encoder") == before


def test_stretches_are_judged_together_as_each_alone(model: Runtime) -> None:
    engine, family = model._opened.engine, model._opened.aligns
    assert isinstance(engine, NumpyEngine)
    pieces = model._opened.tokenizer.encode("a red square")
    saved = Clips(ids=np.array([1], np.int32), scores=np.array([0.4], np.float32), sure=np.array([True]))
    stretches = [clips((0.9, 0, 0)), saved, clips((0, 0.5, 0), (0.02, 0, 0)), clips((0, 0, 0.7)), saved]
    alone = np.concatenate([family.log_odds(pieces, [each]) for each in stretches])
    before = engine.calls.count("colour_head")
    np.testing.assert_array_equal(family.log_odds(pieces, stretches), alone)
    assert engine.calls.count("colour_head") == before + 1
    np.testing.assert_array_equal(
        family.log_odds(pieces, stretches * 200), np.tile(alone, 200), "more than are judged at a time"
    )


def test_a_text_that_is_asked_again_is_not_encoded_again(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as model:
        engine, family = model._opened.engine, model._opened.aligns
        assert isinstance(engine, NumpyEngine)
        model.warmup()
        pieces = [model._opened.tokenizer.encode(text) for text in ("red", "a blue square")]
        before = engine.calls.count("text_encoder")
        first = [family.log_odds(each, [clips((0.9, 0, 0))]) for each in pieces]
        assert engine.calls.count("text_encoder") == before + 2
        again = [family.log_odds(each, [clips((0.9, 0, 0))]) for each in pieces]
        model._opened.embeds.vector(pieces[1], None)
        assert engine.calls.count("text_encoder") == before + 2
        np.testing.assert_array_equal(first, again)
        assert first[0] != first[1]
        assert isinstance(family, Conse)
        for number in range(100):
            family.log_odds([7] * (number % 20 + 1) + [5] * (number // 20 + 1), [clips((0.9, 0, 0))])
        assert len(family._kept) == 64, "no more are kept than are asked in turn"


def test_the_sentences_of_all_labels_are_encoded_together_and_answered_as_alone(tmp_path: Path) -> None:
    with open_small_conse(tmp_path) as model:
        engine, family = model._opened.engine, model._opened.family
        assert isinstance(engine, NumpyEngine)
        assert isinstance(family, Conse)
        model.warmup()
        labels = [
            [model._opened.tokenizer.encode(text) for text in texts]
            for texts in (["red", "a red square"], ["the square is blue"], ["red", "a red square"], ["a dark circle"])
        ]
        seen = [clips((0.9, 0, 0)), clips((0, 0.5, 0), (0.02, 0, 0))]
        before = engine.calls.count("text_encoder")
        together = family.label_log_odds(labels, seen)
        assert engine.calls.count("text_encoder") == before + 1
        family._kept.clear()
        alone = [family.label_log_odds([label], seen).log_odds for label in labels]
        np.testing.assert_array_equal(together.log_odds, np.concatenate(alone, axis=1))
        # One label is known by now, the other is not.
        before = engine.calls.count("text_encoder")
        more = family.label_log_odds([labels[1], [model._opened.tokenizer.encode("blue")]], seen)
        assert engine.calls.count("text_encoder") == before + 1
        np.testing.assert_array_equal(more.log_odds[:, 0], together.log_odds[:, 1])
