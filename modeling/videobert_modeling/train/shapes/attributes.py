"""What the backbone is trained to tell: linear heads for the attributes and a pull towards additive features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from videobert_modeling.train.shapes.world import ATTRIBUTES, Scene

_SMOOTHING = 0.05
_MOOD_WEIGHT = 2.0  # the smallest thing to see, and the last of those in a still to be learned
_REVERSED = {"grows": "shrinks", "shrinks": "grows"}


class AttributeHeads(nn.Module):
    """Linear heads on the feature, used in training only.

    Besides the heads there is one learned vector for every value of every attribute. The share of the features'
    variance that the sum of a scene's vectors leaves unexplained is a second loss: it draws the features of like scenes
    together, and makes a combination that was never seen lie where the sum of its parts does.
    """

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({name: nn.Linear(feature_dim, len(v)) for name, v in ATTRIBUTES.items()})
        self.parts = nn.ModuleDict({name: nn.Embedding(len(v), feature_dim) for name, v in ATTRIBUTES.items()})
        self.base = nn.Parameter(torch.zeros(feature_dim))
        for weights in self.parts.parameters():
            nn.init.zeros_(weights)

    def losses(
        self, features: Tensor, labels: Tensor, attributes: tuple[str, ...], motion_weight: float = 1.0
    ) -> Losses:
        """Losses of features `(n, dim)` with labels `(n, 4)` over the attributes named."""
        names, weights = list(ATTRIBUTES), {"mood": _MOOD_WEIGHT, "motion": motion_weight}
        sorting, composed, right = features.new_zeros(()), self.base.expand_as(features), []
        for name in attributes:
            target = labels[:, names.index(name)]
            logits = self.heads[name](features)
            loss = nn.functional.cross_entropy(logits, target, label_smoothing=_SMOOTHING)
            sorting = sorting + weights.get(name, 1.0) * loss
            composed = composed + self.parts[name](target)
            right.append((logits.argmax(1) == target).float().mean().item())
        unexplained = (features - composed).square().sum() / (features - features.mean(0)).square().sum()
        return Losses(sorting, unexplained, tuple(right))


def reversed_in_time(labels: npt.NDArray[np.integer]) -> tuple[int, int, int, int] | None:
    """Labels `(4,)` of the same clip shown backwards; None if that is a combination kept out of training."""
    names = {name: values[label] for (name, values), label in zip(ATTRIBUTES.items(), labels, strict=True)}
    names["motion"] = _REVERSED.get(names["motion"], names["motion"])
    scene = Scene(**names)
    return None if scene.held_out else scene.labels()


class Losses(NamedTuple):
    """`sorting` is summed cross entropy, `unexplained` a share of variance, `right` accuracies by attribute."""

    sorting: Tensor
    unexplained: Tensor
    right: tuple[float, ...]
