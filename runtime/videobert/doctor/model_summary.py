"""What a model folder holds, in whatever state it is: read from its files alone, nothing compiled and nothing run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.errors import ModelError
from videobert.doctor.compiled_parts import built_targets
from videobert.doctor.next_steps import COPY_AGAIN, add_error, run_verb
from videobert.doctor.vocabulary import read_codebook, read_words
from videobert.families.verbs_of import verbs_of
from videobert.model.card import ModelCard, read_card
from videobert.model.config import ModelConfig
from videobert.model.folder import BUNDLED, CARD, ModelFolder, find
from videobert.model.folder_parts import FolderParts
from videobert.model.got import is_got
from videobert.model.graph_files import portable_graph
from videobert.model.mending import WEIGHTS, mend
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE, stage_names
from videobert.model.summary import BuiltTarget, GraphFileSize, ModelSummary, Verb

_JSON_BYTES, _CARD_BYTES = 1 << 20, 1 << 20
_PARTS = ("config.json", "recipe.json", "tokenizer.json", "codebook.safetensors", "model.safetensors")


def summarize(name_or_folder: str | Path, *, all_words: bool = False) -> ModelSummary:
    """Look into a bundled model, one that was got, or a model folder, finished or not.

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
    got = is_got(root.resolve())
    again = mend(root.resolve(), WEIGHTS) if bundled or got else COPY_AGAIN
    parts = FolderParts(root, rebuild=again if bundled or got else run_verb("build", root), restore=again)
    config = _config(parts)
    recipe = _recipe(parts)
    words = read_words(parts, config, all_words)
    codebook = read_codebook(parts, config, recipe)
    graphs = _graphs(parts, config)
    if config is not None and BACKBONE in config.untrained:
        parts.add(
            "the backbone was never trained: what is answered from a video means nothing",
            "Import the checkpoint again with --backbone FILE, which an import of a backbone writes.",
        )
    parameters = _parameters(parts)
    parts.check()
    return ModelSummary(
        folder=str(root),
        bundled=bundled,
        got=got,
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


def _config(parts: FolderParts) -> ModelConfig | None:
    fields = _json(parts, "config.json", f"The rest cannot be judged without it. {COPY_AGAIN}")
    try:
        return None if fields is None else ModelConfig.from_json(fields)
    except ModelError as error:
        add_error(parts, error, "config.json")
        return None


def _recipe(parts: FolderParts) -> Recipe | None:
    fields = _json(parts, "recipe.json", f"Without it no video can be read. {COPY_AGAIN}")
    try:
        return None if fields is None else Recipe.from_json(fields)
    except ModelError as error:
        add_error(parts, error, "recipe.json")
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


def _graphs(parts: FolderParts, config: ModelConfig | None) -> tuple[GraphFileSize, ...]:
    if config is None:
        return ()
    files = {name: portable_graph(name) for name in stage_names(config, gpu=False)}
    graphs = tuple(
        GraphFileSize(name=name, size_bytes=parts.size_bytes(file) if parts.has(file) else None)
        for name, file in files.items()
    )
    missing = [graph.name for graph in graphs if graph.size_bytes is None]
    if missing:
        said = "no graphs: the weights are not exported yet" if len(missing) == len(graphs) else None
        said = said or f"graphs are missing: {', '.join(missing)}"
        fix = mend(parts.root, WEIGHTS) if is_got(parts.root) else run_verb("build", parts.root)
        parts.add(said, fix, *(files[name] for name in missing))
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
        parts.add(f"{name} cannot be read: {error}", COPY_AGAIN, name)
        return None


def _engines(parts: FolderParts) -> tuple[BuiltTarget, ...]:
    try:
        return built_targets(parts.root, ModelFolder(parts.root) if parts.finished else None)
    except ModelError:  # said already, of the part that it is about
        return built_targets(parts.root, None)


def _card(parts: FolderParts) -> ModelCard | None:
    content = parts.read(CARD, _CARD_BYTES)
    return None if content is None else read_card(content.decode("utf-8", "replace"))


def _verbs(parts: FolderParts, config: ModelConfig | None) -> tuple[Verb, ...]:
    """What can be asked, if the parts that every verb needs are there and sound."""
    if config is None or not parts.finished or not parts.sound("config.json", "recipe.json", "tokenizer.json"):
        return ()
    if not _engines_fed(parts, config):
        return ()
    return verbs_of(config, sees=parts.sound("codebook.safetensors"))


def _engines_fed(parts: FolderParts, config: ModelConfig | None) -> tuple[str, ...]:
    graphs = () if config is None else tuple(portable_graph(name) for name in stage_names(config, gpu=False))
    fed = {"openvino": bool(graphs) and parts.sound(*graphs), "torch": parts.sound("model.safetensors")}
    return tuple(name for name, is_fed in fed.items() if is_fed)
