"""The model `everyday`: I3D's actions, MiniLM's texts, EfficientNet's objects and TransNetV2's shots in one folder.

Everything is made by numpy: foreign tensors get our names (`layouts/`), are stored as every model folder stores them,
and fill the graphs that ship as templates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.get.catalogue import EFFICIENTNET, I3D, MINILM, OBTAINABLE, TRANSNET, Obtainable
from videobert.get.everyday_card import write_card
from videobert.get.everyday_config import DATA, everyday_config, everyday_recipe
from videobert.get.flax_pickle import read_flax_pickle
from videobert.get.layouts.efficientnet_lite import efficientnet_lite0
from videobert.get.layouts.i3d import CLASSIFIER, read_i3d
from videobert.get.layouts.minilm import minilm
from videobert.get.layouts.transnet_v2 import transnet_v2
from videobert.get.obtain import OnStep, ReadSource
from videobert.get.shipped_templates import TEMPLATES, filled_graphs, shipped_templates
from videobert.get.torch_file import read_torch_file
from videobert.model.config import ModelConfig
from videobert.model.folder import backbone_hash
from videobert.model.mending import CODEBOOK, WEIGHTS
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import SHOT_BOUNDARIES
from videobert.model.text_encoder_stage import TEXT_ENCODER
from videobert.text.tokenizer_file import read_tokenizer
from videobert.visual.codebook import Codebook, classifier_leaves

Array = npt.NDArray[Any]

_HEAD = "feature_heads.action."
_BACKBONE = "backbone."
# Raised where what is written changes in another way than by its data.
_VERSION = 1


def make_everyday(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> None:
    """Fill a new folder with everything but its manifest.

    Args:
        model: which of the two.
        read: the members of an archive by what they are for, checked already.
        folder: empty.
        on_step: told how far it is.

    Raises:
        ModelError: what is in an archive does not fit the model.
        OSError: the folder cannot be written to.
    """
    config, recipe = everyday_config(model.name), everyday_recipe(model.name)
    tensors, tokenizer = _read_all(model, read, folder, on_step)
    on_step("writing", 0, None)
    _write_json(folder / "config.json", config.to_json())
    _write_json(folder / "recipe.json", recipe.to_json())
    (folder / "tokenizer.json").write_bytes(tokenizer)
    _write_weights(folder / WEIGHTS, tensors)
    _codebook(tensors, recipe).save(folder / CODEBOOK)
    _write_graphs(folder, tensors, config, on_step)
    write_card(folder / "README.md", model, config, recipe)


@cache
def edition() -> str:
    """16 hexadecimal digits that name everything that goes into the folders but the sources."""
    digest = hashlib.sha256(f"{_VERSION}".encode())
    for model in OBTAINABLE:
        made = (everyday_config(model.name).to_json(), everyday_recipe(model.name).to_json())
        digest.update(json.dumps(made).encode())
    for place in (DATA, TEMPLATES):
        for path in sorted(place.iterdir()):
            digest.update(f"{path.name}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _read_all(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> tuple[dict[str, Array], bytes]:
    """The tensors of all parts as they are stored, and the tokenizer; licences are written on the way."""
    tensors: dict[str, Array] = {}
    tokenizer = b""
    for done, source in enumerate(model.sources):
        on_step(f"reading {source.package}", done, len(model.sources))
        members = read(source)
        place = folder / "licenses" / source.package
        place.mkdir(parents=True)
        (place / "LICENSE").write_bytes(members["licence"])
        tensors |= _stored(_READERS[source.package](members["weights"]))
        tokenizer = members.get("tokenizer", tokenizer)
    (folder / "licenses" / "apache-2.0.txt").write_bytes((DATA / "apache-2.0.txt").read_bytes())
    read_tokenizer(tokenizer)
    return tensors, tokenizer


def _actions(content: bytes) -> dict[str, Array]:
    """The backbone, and its classifier as the head of `action`."""
    tensors, _ = read_i3d(read_flax_pickle(content))
    classifier = f"{CLASSIFIER}."
    return {
        _HEAD + name.removeprefix(classifier) if name.startswith(classifier) else _BACKBONE + name: value
        for name, value in tensors.items()
    }


def _texts(content: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except (SafetensorError, ValueError, TypeError, AttributeError) as error:
        raise ModelError("these safetensors cannot be read", seen=str(error), fix="Get the file again.") from error
    return _below(TEXT_ENCODER, minilm(arrays)[0])


def _objects(content: bytes) -> dict[str, Array]:
    return _below("picture_classifiers.object", efficientnet_lite0(read_torch_file(content))[0])


def _shots(content: bytes) -> dict[str, Array]:
    return _below(SHOT_BOUNDARIES, transnet_v2(read_torch_file(content))[0])


# By package: what makes our tensors of its weights.
_READERS = {
    I3D.package: _actions,
    MINILM.package: _texts,
    EFFICIENTNET.package: _objects,
    TRANSNET.package: _shots,
}


def _below(part: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{part}.{name}": value for name, value in tensors.items()}


def _stored(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Tensors as a model folder keeps them: of two and more axes in float16, others in float32."""
    stored = {}
    for name, value in tensors.items():
        dtype = np.float16 if value.ndim >= 2 else np.float32
        with np.errstate(over="ignore"):
            stored[name] = np.ascontiguousarray(value, dtype=dtype)
        if not np.isfinite(stored[name]).all():
            raise ModelError(
                f"{name} holds NaN, infinity or a value too large for {np.dtype(dtype)}", fix="Get the file again."
            )
    return stored


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_weights(path: Path, tensors: Mapping[str, Array]) -> None:
    from safetensors.numpy import save_file

    # Also gives it the permissions of any new file, which the library does not.
    write_atomically(path, lambda new: save_file(dict(tensors), new))


def _codebook(tensors: Mapping[str, Array], recipe: Recipe) -> Codebook:
    """The actions as leaves: the nearest one to a feature is the classifier's first answer."""
    backbone = {name: value for name, value in tensors.items() if name.startswith(_BACKBONE)}
    return Codebook(
        leaves=classifier_leaves(tensors[f"{_HEAD}weight"], tensors[f"{_HEAD}bias"]),
        distances=None,
        backbone_hash=backbone_hash(backbone),
        clip_hash=recipe.clip_hash,
        lifted=True,
    )


def _write_graphs(folder: Path, tensors: Mapping[str, Array], config: ModelConfig, on_step: OnStep) -> None:
    total = len(shipped_templates(config))
    for done, (name, content) in enumerate(filled_graphs(config, tensors)):
        on_step("filling graphs", done, total)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
