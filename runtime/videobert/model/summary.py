"""What is known of a model folder in short: what `videobert show` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from videobert.model.card import ModelCard
from videobert.model.config import ModelConfig
from videobert.model.folder_parts import Problem
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe

Verb = Literal[
    "run",
    "tokens",
    "features",
    "embed",
    "fill",
    "classify",
    "align",
    "caption",
    "answer",
    "events",
    "forecast",
    "index",
    "search",
    "locate",
    "summarize",
    "sentiment",
    "edit",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The word half of the vocabulary.

    Args:
        count: words and word pieces, special ones not counted.
        special: `[CLS]` and its like.
        shown: all of them, or some from all over.
    """

    count: int
    special: tuple[str, ...]
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodebookSizes:
    """The visual half of the vocabulary: `leaves` centroids of `dim` values, inner `levels` by their nodes."""

    hash: str
    leaves: int
    dim: int
    levels: tuple[int, ...]
    agreement: float | None
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFileSize:
    """A portable graph that the model needs; `size_bytes` is None where it is missing."""

    name: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTarget:
    """What was built for one target.

    Args:
        target: `"tensorrt-rtx"`, `"cuda-sm90"`, …
        place: its folder.
        stages: of engines; empty for kernels.
        precision: of the first engine; None for kernels, or where it cannot be read.
        built_here: whether this user built all of it: only that is loaded without being told to.
    """

    target: str
    place: str
    stages: tuple[str, ...]
    precision: str | None
    size_bytes: int
    built_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ObtainableModel:
    """A model that is not here and could be.

    Args:
        command: that gets it.
        knows: what it is for, in a sentence.
        download_bytes: what is fetched for it.
        size_bytes: of its folder, about.
    """

    name: str
    command: str
    knows: str
    download_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """A model folder in short. Whatever could not be read is None or empty, and `problems` says why.

    Args:
        folder: where it is.
        bundled: whether it came with the install.
        got: whether `videobert get` made it.
        weights: see `Origin.weights`.
        verbs: what the model can be asked as it stands, by an engine of `runs_with`.
        runs_with: engines whose part of the folder is there: `"openvino"`, the graphs, and `"torch"`, the weights.
        parameters: numbers in `model.safetensors`; None without it.
        graphs: for every engine but `torch`.
        engines: compiled engines and kernels, in the folder and in the user's cache.
        size_bytes: of all files of the folder.
        problems: what is missing or damaged, each with one next step; a part that no verb needs is no problem.
    """

    folder: str
    bundled: bool
    got: bool
    config: ModelConfig | None
    recipe: Recipe | None
    recipe_hash: str | None
    weights: str | None
    words: Words | None
    codebook: CodebookSizes | None
    questions: dict[str, QuestionConfig]
    verbs: tuple[Verb, ...]
    runs_with: tuple[str, ...]
    parameters: int | None
    graphs: tuple[GraphFileSize, ...]
    engines: tuple[BuiltTarget, ...]
    card: ModelCard | None
    size_bytes: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The models that can be asked for by their names.

    Args:
        here: by name, bundled ones first.
        obtainable: those that are not here, and could be got.
        problems: models that are here and cannot be used by their names.
    """

    here: dict[str, ModelSummary]
    obtainable: tuple[ObtainableModel, ...]
    problems: tuple[Problem, ...]
