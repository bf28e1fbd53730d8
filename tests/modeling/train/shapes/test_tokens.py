"""Features made up for unseen combinations, the tokenizer, and the embeddings of visual tokens."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from videobert.model.config import EncoderConfig, ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.train.shapes.attributes import reversed_in_time
from videobert_modeling.train.shapes.dataset import records_of
from videobert_modeling.train.shapes.examples import IGNORED, ExampleMaker, Moment, moments_of, special_ids
from videobert_modeling.train.shapes.narrate import FULL_TEMPLATES, Sentence, naming_words, narration
from videobert_modeling.train.shapes.pretrain import CentroidRows
from videobert_modeling.train.shapes.tokens import AttributeMeans, complete, word_tokenizer
from videobert_modeling.train.shapes.world import ATTRIBUTES, HELD_OUT, Scene, training_films

_SCENES = [Scene(*values) for values in itertools.product(*ATTRIBUTES.values())]
_DIM = 24


def composed(rng: np.random.Generator, scenes: list[Scene]) -> np.ndarray:
    """Features that are a sum of parts for values and for pairs of colour and shape, all well above zero."""
    parts = [rng.normal(size=(len(values), _DIM)) for values in ATTRIBUTES.values()]
    pairs = rng.normal(size=(6, 5, _DIM)) * 0.3
    labels = np.array([scene.labels() for scene in scenes])
    total = sum(part[labels[:, column]] for column, part in enumerate(parts)) + pairs[labels[:, 0], labels[:, 1]]
    return (total + 12).astype(np.float32)


def test_made_up_features_lie_where_the_unseen_combinations_will() -> None:
    rng = np.random.default_rng(0)
    truth = composed(rng, _SCENES)
    seen = np.array([not scene.held_out for scene in _SCENES])
    labels = np.array([scene.labels() for scene in _SCENES])
    repeated = np.repeat(np.flatnonzero(seen), 8)
    features = truth[repeated] + rng.normal(size=(len(repeated), _DIM)).astype(np.float32) * 0.05
    made, made_labels = complete(features, labels[repeated], seed=0)
    names = [tuple(ATTRIBUTES[a][i] for a, i in zip(ATTRIBUTES, row, strict=True)) for row in made_labels]
    assert {(colour, shape, motion) for colour, shape, _, motion in names} == HELD_OUT
    nearest = np.linalg.norm(made[:, None] - truth[None], axis=2).argmin(1)
    assert (labels[nearest] == made_labels).all(1).mean() > 0.99


def test_means_of_seen_combinations_are_fitted() -> None:
    rng = np.random.default_rng(1)
    labels = np.array([scene.labels() for scene in _SCENES])
    truth = composed(np.random.default_rng(2), _SCENES)
    rows = rng.integers(len(_SCENES), size=4000)
    fitted = AttributeMeans(truth[rows], labels[rows])(labels)
    assert np.abs(fitted - truth).max() < 0.2


def test_every_word_is_one_piece_and_strange_words_are_unknown() -> None:
    tokenizer = word_tokenizer()
    encoded = tokenizer.encode("A Happy RED circle is spinning , zebra", add_special_tokens=False)
    assert encoded.tokens == ["a", "happy", "red", "circle", "is", "spinning", ",", "[UNK]"]


@pytest.fixture
def config() -> ModelConfig:
    return ModelConfig(
        name="shapes",
        words=word_tokenizer().get_vocab_size(),
        visual_tokens=40,
        encoder=EncoderConfig(layers=1, width=16, heads=2, feed_forward=16, positions=64),
    )


def test_visual_rows_are_a_linear_map_of_their_centroids(config: ModelConfig) -> None:
    leaves = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    leaves[7] = (leaves[5] + leaves[6]) / 2
    table = CentroidRows(config, leaves)(torch.randn(config.vocabulary, 16))
    rows = table[config.words : config.joiner_id]
    assert table.shape == (config.vocabulary, 16)
    torch.testing.assert_close(rows[7], (rows[5] + rows[6]) / 2)


def said_of(scene: Scene) -> Sentence:
    return Sentence(scene, FULL_TEMPLATES[0], 0.0, 3.0)


def test_moments_are_what_is_to_be_seen_while_a_sentence_lasts() -> None:
    films, recipe = training_films(40, seed=3), Recipe()
    records = np.concatenate(
        [
            records_of(film, number, np.arange(0.0, film.duration_s - recipe.clip_duration_s, 1.5), 1.5)
            for number, film in enumerate(films)
        ]
    )
    ids = np.arange(len(records))
    moments = moments_of(films, records, ids, 1.5, seed=0)
    told = np.concatenate([moment.tokens for moment in moments])
    assert np.array_equal(np.sort(told), ids)  # every clip has its sentence, and one only
    halves = 0
    for moment in moments:
        sentence = moment.sentence
        middles = records["start_s"][moment.tokens] + 0.75
        assert ((sentence.start_s <= middles) & (middles < sentence.end_s)).all()
        (film,) = set(records["film"][moment.tokens])
        assert sentence in narration(films[film], 0)
        halves += all(sentence.end_s - sentence.start_s < event.end_s - event.start_s for event in films[film].events)
        if moment.next is not None:
            assert moments[moment.next].sentence.start_s == pytest.approx(sentence.end_s)
            assert records["film"][moments[moment.next].tokens[0]] == film
    assert halves > 5


def test_unknown_words_alone_say_nothing_about_a_match_but_never_name_what_is_seen(config: ModelConfig) -> None:
    tokenizer = word_tokenizer()
    unknown = special_ids(tokenizer).unknown
    naming = [tokenizer.token_to_id(word) for word in naming_words()]
    scenes = [scene for scene in _SCENES if not scene.held_out][::7]
    make = ExampleMaker(config, tokenizer, [Moment(said_of(s), np.arange(3), (), None) for s in scenes], seed=0)
    with_unknown: dict[int, list[bool]] = {0: [], 1: []}
    for _ in range(4000):
        example = make()
        if example.aligned == IGNORED:
            continue
        words = np.where(example.words != IGNORED, example.words, example.sequence.ids)
        text = words[: example.sequence.visual_start]
        if np.isin(text, naming).any():
            with_unknown[example.aligned].append(unknown in text)
        else:
            assert example.aligned == 0
    shares = [np.mean(with_unknown[aligned]) for aligned in (0, 1)]
    assert shares == pytest.approx([0.1, 0.1], abs=0.03)


@pytest.mark.parametrize("scene", [scene for scene in _SCENES if not scene.held_out], ids=str)
def test_a_clip_shown_backwards_is_never_of_a_held_out_combination(scene: Scene) -> None:
    backwards = reversed_in_time(np.array(scene.labels()))
    motion = {"grows": "shrinks", "shrinks": "grows"}.get(scene.motion, scene.motion)
    expected = dataclasses.replace(scene, motion=motion)
    assert backwards == (None if expected.held_out else expected.labels())


def test_examples_never_speak_of_an_unseen_combination_and_mismatched_ones_are_wrong(config: ModelConfig) -> None:
    tokenizer = word_tokenizer()
    scenes = [scene for scene in _SCENES if not scene.held_out][::7]
    moments = [Moment(said_of(s), np.arange(3) + i % 30, (np.arange(3),), None) for i, s in enumerate(scenes)]
    make = ExampleMaker(config, tokenizer, moments, seed=0)
    kinds = {0: 0, 1: 0, IGNORED: 0}
    verbs = dict(zip((*ATTRIBUTES["motion"],), ATTRIBUTES["motion"], strict=True))
    for _ in range(1500):
        example = make()
        kinds[example.aligned] += 1
        words = example.sequence.ids.copy()
        words[example.words != IGNORED] = example.words[example.words != IGNORED]
        said = [tokenizer.id_to_token(int(i)) for i in words[1:] if i < config.words]
        if said.count("[SEP]") == 1 and len([w for w in said if w in verbs]) == 1:
            colour = [w for w in said if w in ATTRIBUTES["colour"]]
            shape = [w for w in said if w in ATTRIBUTES["shape"]]
            verb = [w for w in said if w in verbs]
            if len(colour) == len(shape) == 1:
                assert (colour[0], shape[0], verb[0]) not in HELD_OUT
    assert min(kinds.values()) > 200


def test_hidden_places_hold_what_the_targets_say(config: ModelConfig) -> None:
    tokenizer = word_tokenizer()
    scene = Scene("red", "star", "sad", "spins")
    make = ExampleMaker(config, tokenizer, [Moment(said_of(scene), np.full(6, 11), (), None)], seed=1)
    mask, asked = special_ids(tokenizer).mask, 0
    for _ in range(300):
        example = make()
        visual = example.visual[example.visual != IGNORED]
        assert (visual == 11).all()
        asked += len(visual)
        hidden = example.sequence.ids == mask
        assert ((example.words != IGNORED) | (example.visual != IGNORED))[hidden].all()
    assert asked > 60
