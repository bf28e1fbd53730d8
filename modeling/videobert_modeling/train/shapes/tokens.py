"""Features, the codebook of the world and the tokenizer of its sentences.

An unseen combination is new to the codebook as well: with leaves made from seen clips alone, its clips would fall to a
leaf that is wrong in one attribute. So the features are completed before clustering: a seen feature is moved by the
difference of fitted means from its own combination to one that no clip shows, and keeps its residual.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from videobert.model.recipe import Recipe
from videobert_modeling.models import S3D
from videobert_modeling.train.cached_steps import Report
from videobert_modeling.train.shapes.backbone import normalised
from videobert_modeling.train.shapes.dataset import Shards
from videobert_modeling.train.shapes.narrate import vocabulary
from videobert_modeling.train.shapes.world import ATTRIBUTES, HELD_OUT

Floats = npt.NDArray[np.float32]
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_RIDGE = 1.0
_BATCH = 16
_SIZES = tuple(len(values) for values in ATTRIBUTES.values())


def word_tokenizer() -> Tokenizer:
    """A lower-casing WordPiece tokenizer whose pieces are the whole words of the narration."""
    words = {word: index for index, word in enumerate((*_SPECIAL, *vocabulary()))}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer


def round_to_half(backbone: S3D) -> None:
    """Rounds weights to what the model folder stores, so that codebook and shipped backbone agree."""
    with torch.no_grad():
        for tensor in backbone.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def features_of(backbone: S3D, clips: Shards | npt.NDArray[np.uint8], recipe: Recipe, report: Report) -> Floats:
    """Features `(n, dim)` of clips, in float32."""
    backbone.eval()
    out = []
    with torch.inference_mode():
        for first in range(0, len(clips), _BATCH):
            rows = np.arange(first, min(first + _BATCH, len(clips)))
            pixels = clips.take(rows) if isinstance(clips, Shards) else clips[rows]
            out.append(backbone(normalised(torch.from_numpy(pixels), recipe)).numpy())
            report((first + len(rows)) / len(clips))
    return np.concatenate(out)


class AttributeMeans:
    """Mean feature of any combination of attributes, seen or not: effects of single values and of pairs, by ridge.

    Every pair of values occurs in training, so every effect can be fitted.
    """

    def __init__(self, features: Floats, labels: npt.NDArray[np.integer]) -> None:
        design = _design(labels)
        gram = design.T @ design + _RIDGE * np.eye(design.shape[1])
        self._centre = features.mean(0)
        self._effects = np.linalg.solve(gram, design.T @ (features - self._centre))

    def __call__(self, labels: npt.NDArray[np.integer]) -> Floats:
        """Fitted means `(n, dim)` for labels `(n, 4)`."""
        return np.asarray(_design(labels) @ self._effects + self._centre, np.float32)


def complete(features: Floats, labels: npt.NDArray[np.integer], seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Made-up features, and their labels, for every combination that training does not show.

    Each is a feature of a seen scene that differs in one of colour, shape and motion, moved by the difference of the
    two fitted means. No clip and no sentence of an unseen combination is involved.
    """
    rng = np.random.default_rng([seed, 6])
    means = AttributeMeans(features, labels)
    triples = labels[:, [0, 1, 3]]
    each = max(1, round(len(labels) / len(np.unique(triples, axis=0))))
    sources, targets = [], []
    for colour, shape, motion in sorted(HELD_OUT):
        wanted = np.array([_index("colour", colour), _index("shape", shape), _index("motion", motion)])
        shared = (triples == wanted).sum(1)
        near = np.flatnonzero(shared == shared.max())  # two of three, unless there are very few clips
        chosen = rng.choice(near, each, replace=len(near) < each)
        moved = labels[chosen].astype(np.int64)
        moved[:, [0, 1, 3]] = wanted
        sources.append(chosen)
        targets.append(moved)
    source, target = np.concatenate(sources), np.concatenate(targets)
    made = features[source] - means(labels[source]) + means(target)
    return np.maximum(made, 0).astype(np.float32), target


def _index(attribute: str, value: str) -> int:
    return ATTRIBUTES[attribute].index(value)


def _design(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    single = [np.eye(size)[labels[:, column]] for column, size in enumerate(_SIZES)]
    pairs = [(a[:, :, None] * b[:, None, :]).reshape(len(labels), -1) for a, b in itertools.combinations(single, 2)]
    return np.concatenate([*single, *pairs], 1)
