"""A backbone file: a network as safetensors, which the importers of models take as `backbone`."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn

from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.model.backbone_kinds import BackboneKind
from videobert.model.recipe import Recipe
from videobert_modeling.models.weights import Backbone, backbone_tensors, hash_of

_LABELS, _RECIPE = "labels", "recipe"
_AGAIN = "Import the checkpoint again."


def write_backbone(
    out: Path, network: Backbone, kind: BackboneKind, *, labels: tuple[str, ...] = (), recipe: Recipe | None = None
) -> None:
    """Write `out`: tensors `backbone.*` and, where the network has a classifier, `classifier.*`, float32.

    Args:
        labels: of the classifier; in the metadata, as is `backbone_hash`.
        recipe: the clips that it takes, for the metadata; None where they follow from the kind.
    """
    from safetensors.torch import save_file

    tensors = {f"backbone.{name}": tensor.contiguous() for name, tensor in backbone_tensors(network).items()}
    tensors |= {name: t.contiguous() for name, t in _classifier(network).items()}
    metadata = {"format": "videobert-backbone", "version": "1", "kind": kind, "backbone_hash": hash_of(network)}
    if labels:
        metadata[_LABELS] = json.dumps(labels, ensure_ascii=False)
    if recipe is not None:
        metadata[_RECIPE] = json.dumps(recipe.to_json())
    write_atomically(out, lambda path: save_file(tensors, path, metadata=metadata))


def stored_labels(path: Path) -> tuple[str, ...] | None:
    """What a backbone file says of its classifier; None of any other file.

    Raises:
        ModelError: it cannot be read.
    """
    labels = _stored(path, _LABELS)
    if labels is None:
        return None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ModelError(f"{path.name} holds labels that cannot be read", fix=_AGAIN)
    return tuple(labels)


def stored_recipe(path: Path) -> Recipe | None:
    """The recipe in a backbone file, if there is one; None of any other file.

    Raises:
        ModelError: it cannot be read.
    """
    fields = _stored(path, _RECIPE)
    try:
        return None if fields is None else Recipe.from_json(fields)
    except ModelError as error:
        raise ModelError(f"{path.name} holds a recipe that cannot be read", seen=str(error), fix=_AGAIN) from error


def labels_of_classes(given: tuple[str, ...] | None, classes: int, published: tuple[str, ...]) -> tuple[str, ...]:
    """Labels of a classifier: those given, else the published ones if they are as many as the classes, else numbers.

    Raises:
        ModelError: another number of labels was given.
    """
    if given is None:
        return published if classes == len(published) else tuple(map(str, range(classes)))
    if len(given) != classes:
        raise ModelError(
            "the labels are not as many as the classifier's classes",
            seen=len(given),
            allowed=classes,
            fix="Pass labels=… (--labels) with one line for each class, in the classifier's order.",
        )
    return given


def _classifier(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: tensor for name, tensor in network.state_dict().items() if name.startswith("classifier.")}


def _stored(path: Path, name: str) -> object:
    """What the metadata holds under a name; None if nothing, and something of no use if it is damaged."""
    from safetensors import safe_open

    if not path.is_file() or path.suffix.lower() != ".safetensors":
        return None
    try:
        with safe_open(path, "np") as file:
            text = (file.metadata() or {}).get(name)
    except Exception as error:  # parsers of damaged bytes raise anything
        raise ModelError(f"{path.name} cannot be read", seen=str(error), fix=_AGAIN) from error
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return ()
