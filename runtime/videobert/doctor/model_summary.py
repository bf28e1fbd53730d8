"""What a model folder holds, in whatever state it is: read from its files alone, nothing compiled and nothing run."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from videobert.base.errors import ModelError, VideoBertError
from videobert.base.limits import Limits
from videobert.doctor.compiled_parts import BuiltTarget, engines_found
from videobert.model.card import ModelCard, read_card
from videobert.model.config import ModelConfig, QuestionConfig
from videobert.model.folder import BUNDLED, CARD, ModelFolder, find
from videobert.model.folder_parts import FolderParts, Problem
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook

_JSON_BYTES, _TOKENIZER_BYTES, _CARD_BYTES = 1 << 20, 64 << 20, 1 << 20
# Below any codebook that `Codebook` accepts.
_CODEBOOK_BYTES = 8 << 30
_COPY = "Copy the folder again from where it came."
_PARTS = ("config.json", "recipe.json", "tokenizer.json", "codebook.safetensors", "model.safetensors")
# A sample of a vocabulary: all of a small one.
_FEW_WORDS, _SAMPLED = 60, 24

Verb = Literal["run", "tokens", "embed", "fill", "classify", "align"]


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
class ModelSummary:
    """A model folder in short. Whatever could not be read is None or empty, and `problems` says why.

    Args:
        folder: where it is.
        bundled: whether it came with the install.
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


def summarize(name_or_folder: str | Path, *, all_words: bool = False) -> ModelSummary:
    """Look into a bundled model or a model folder, finished or not.

    Args:
        all_words: give the whole vocabulary, not a sample.

    Raises:
        ModelError: there is no such folder, or nothing of a model in it.
    """
    root = find(name_or_folder)
    if not any((root / name).is_file() for name in _PARTS):
        raise ModelError(
            "this is not a model folder",
            seen=str(name_or_folder),
            allowed=f"a folder with {', '.join(_PARTS[:-1])} and {_PARTS[-1]}, or some of these",
            fix="Make one with `videobert import`, or check the path.",
        )
    bundled = root.is_relative_to(BUNDLED)
    again = "Install videobert again: `pip install --force-reinstall --no-deps videobert`." if bundled else _COPY
    parts = FolderParts(root, rebuild=again if bundled else _command("build", root), restore=again)
    config = _config(parts)
    recipe = _recipe(parts)
    words = _words(parts, config, all_words)
    codebook = _codebook(parts, config, recipe)
    graphs = _graphs(parts, config)
    parameters = _parameters(parts)
    parts.check()
    return ModelSummary(
        folder=str(root),
        bundled=bundled,
        config=config,
        recipe=recipe,
        recipe_hash=None if recipe is None else recipe.hash,
        weights=parts.weights_hash(),
        words=words,
        codebook=codebook,
        questions={} if config is None else config.questions,
        verbs=_verbs(parts, config),
        runs_with=_engines_fed(parts, config),
        parameters=parameters,
        graphs=graphs,
        engines=_engines(parts),
        card=_card(parts),
        size_bytes=sum(path.stat().st_size for path in root.rglob("*") if path.is_file()),
        problems=tuple(parts.problems),
    )


def _command(verb: str, root: Path) -> str:
    return f"Run `videobert {verb} {shlex.quote(str(root))}`."


def _config(parts: FolderParts) -> ModelConfig | None:
    fields = _json(parts, "config.json", f"The rest cannot be judged without it. {_COPY}")
    try:
        return None if fields is None else ModelConfig.from_json(fields)
    except ModelError as error:
        _keep(parts, error, "config.json")
        return None


def _recipe(parts: FolderParts) -> Recipe | None:
    fields = _json(parts, "recipe.json", f"Without it no video can be read. {_COPY}")
    try:
        return None if fields is None else Recipe.from_json(fields)
    except ModelError as error:
        _keep(parts, error, "recipe.json")
        return None


def _json(parts: FolderParts, name: str, fix: str) -> Any:
    content = parts.read(name, _JSON_BYTES)
    if content is None:
        if not parts.has(name):
            parts.add(f"{name} is missing", fix, name)
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        parts.add(f"{name} is not JSON", fix, name)
        return None


def _words(parts: FolderParts, config: ModelConfig | None, all_words: bool) -> Words | None:
    from videobert.text.reader import TextTokenizer

    name = "tokenizer.json"
    content = parts.read(name, _TOKENIZER_BYTES)
    if content is None:
        if not parts.has(name):
            parts.add(f"{name} is missing", f"Without it no text can be read. {_COPY}", name)
        return None
    if config is None:
        return None
    try:
        tokenizer = TextTokenizer(content, config, Limits())
    except VideoBertError as error:
        _keep(parts, error, name)
        return None
    words = [tokenizer.word(int(index)) for index in np.flatnonzero(tokenizer.answers)]
    special = {tokenizer.word(index) for index in (getattr(tokenizer.special, name) for name in _SPECIAL)}
    shown = words if all_words or len(words) <= _FEW_WORDS else _sample(words)
    return Words(count=len(words), special=tuple(sorted(special)), shown=tuple(shown))


_SPECIAL = ("cls", "sep", "mask", "pad", "unknown")


def _sample(words: list[str]) -> list[str]:
    """Some whole words from all over: the first of a large vocabulary are signs and places to spare."""
    whole = [word for word in words if word.isalpha()] or words
    return [whole[place * len(whole) // _SAMPLED] for place in range(min(_SAMPLED, len(whole)))]


def _codebook(parts: FolderParts, config: ModelConfig | None, recipe: Recipe | None) -> CodebookSizes | None:
    name = "codebook.safetensors"
    content = parts.read(name, _CODEBOOK_BYTES)
    if content is None:
        if not parts.has(name):
            parts.add(
                f"{name} is missing: only text can be asked",
                _command("cluster VIDEOS --model", parts.root),
                name,
            )
        return None
    try:
        codebook = Codebook.from_bytes(content)
    except VideoBertError as error:
        _keep(parts, error, name)
        return None
    if config is not None and (len(codebook), codebook.dim) != (config.visual_tokens, config.backbone.feature_dim):
        parts.add(
            f"{name} has {len(codebook)} visual tokens of {codebook.dim} values, config.json says "
            f"{config.visual_tokens} of {config.backbone.feature_dim}",
            "Put back the codebook that belongs to this model, or make another one with `videobert cluster`.",
            name,
        )
    if recipe is not None and codebook.clip_hash != recipe.clip_hash:
        parts.add(f"{name} was made with another recipe", "Put back the recipe, or make another codebook.", name)
    return CodebookSizes(
        hash=codebook.hash,
        leaves=len(codebook),
        dim=codebook.dim,
        levels=tuple(len(level.centroids) for level in codebook.levels or ()),
        agreement=codebook.agreement,
        samples=codebook.samples,
    )


def _graphs(parts: FolderParts, config: ModelConfig | None) -> tuple[GraphFileSize, ...]:
    if config is None:
        return ()
    files = {name: f"graphs/{name}.onnx" for name in _graph_names(config)}
    graphs = tuple(
        GraphFileSize(name=name, size_bytes=parts.size_bytes(file) if parts.has(file) else None)
        for name, file in files.items()
    )
    missing = [graph.name for graph in graphs if graph.size_bytes is None]
    if missing:
        said = "no graphs: the weights are not exported yet" if len(missing) == len(graphs) else None
        said = said or f"graphs are missing: {', '.join(missing)}"
        parts.add(said, _command("build", parts.root), *(files[name] for name in missing))
    return graphs


def _parameters(parts: FolderParts) -> int | None:
    from safetensors import SafetensorError, safe_open

    name = "model.safetensors"
    if not parts.has(name):
        return None
    try:
        with safe_open(parts.root / name, framework="numpy") as file:
            shapes = [file.get_slice(tensor).get_shape() for tensor in file.keys()]  # noqa: SIM118  # no mapping
        return sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes)
    except (SafetensorError, OSError, ValueError) as error:
        parts.add(f"{name} cannot be read: {error}", _COPY, name)
        return None


def _engines(parts: FolderParts) -> tuple[BuiltTarget, ...]:
    try:
        return engines_found(parts.root, ModelFolder(parts.root) if parts.finished else None)
    except ModelError:  # said already, of the part that it is about
        return engines_found(parts.root, None)


def _card(parts: FolderParts) -> ModelCard | None:
    content = parts.read(CARD, _CARD_BYTES)
    return None if content is None else read_card(content.decode("utf-8", "replace"))


def _verbs(parts: FolderParts, config: ModelConfig | None) -> tuple[Verb, ...]:
    """What can be asked: the parts that each verb needs are there and sound; without a codebook, of text alone."""
    if config is None or not parts.finished or not parts.sound("config.json", "recipe.json", "tokenizer.json"):
        return ()
    heads = config.heads
    if not _engines_fed(parts, config):
        return ()
    sees = parts.sound("codebook.safetensors")
    needed: dict[Verb, bool] = {
        "run": sees and ("text" in heads or not config.questions),
        "tokens": sees,
        "embed": True,
        "fill": "text" in heads or (sees and "visual" in heads),
        "classify": sees and "text" in heads,
        "align": sees and "alignment" in heads,
    }
    return tuple(verb for verb, can in needed.items() if can)


def _engines_fed(parts: FolderParts, config: ModelConfig | None) -> tuple[str, ...]:
    graphs = () if config is None else tuple(f"graphs/{name}.onnx" for name in _graph_names(config))
    fed = {"openvino": bool(graphs) and parts.sound(*graphs), "torch": parts.sound("model.safetensors")}
    return tuple(name for name, is_fed in fed.items() if is_fed)


def _graph_names(config: ModelConfig) -> tuple[str, ...]:
    return ("backbone", "encoder", *(f"{head}_head" for head in config.heads))


def _keep(parts: FolderParts, error: VideoBertError, name: str) -> None:
    said = error.what + (f": {error.seen}" if error.seen is not None else "")
    parts.add(said, error.fix_cli or _COPY, name)
