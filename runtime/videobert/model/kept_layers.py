"""`kept.json`: layers of a model's graphs that a low precision leaves alone, as `videobert build --keep` reads it.

    {"format": 1, "weights": "0123456789abcdef", "stages": {"backbone": ["node_conv3d", ...]}}

Layers are nodes of the portable graphs, by name; `weights` is `weights_name` of the folder whose graphs were looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videobert.base.arguments import described
from videobert.base.errors import InputError, MismatchError, VideoBertError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph, stages_of

KEPT_FORMAT = 1
_MOST_BYTES = 4 << 20
_MOST_LAYERS = 100_000
_LONGEST_NAME = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLayers:
    """Layers to keep in a higher precision.

    Args:
        weights: `weights_name` of the folder.
        stages: for each stage the names of nodes of its portable graph, each once.
    """

    weights: str
    stages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, stage: str) -> frozenset[str]:
        """The layers of one stage; none of a stage that is not named."""
        return frozenset(self.stages.get(stage, ()))

    def to_json(self) -> dict[str, Any]:
        """What `read_kept_layers` reads."""
        stages = {stage: list(names) for stage, names in self.stages.items()}
        return {"format": KEPT_FORMAT, "weights": self.weights, "stages": stages}

    def check(self, folder: ModelFolder) -> None:
        """Refuse layers of other graphs than the folder's.

        Raises:
            MismatchError: the file was written for other weights.
            InputError: it names a stage that the model does not have.
        """
        own = weights_name(folder)
        if self.weights != own:
            raise MismatchError(
                "the layers to keep are those of another model",
                seen=self.weights,
                allowed=own,
                fix="Find the layers of this one with `videobert compare --layers`.",
            )
        known = [stage for stage in stages_of(folder.config) if portable_graph(stage) in folder]
        for stage in self.stages:
            if stage not in known:
                raise _wrong("names a stage that the model does not have", stage, ", ".join(known))


def weights_name(folder: ModelFolder) -> str:
    """16 hexadecimal digits that name the portable graphs of a folder, weights included.

    Graphs in other precisions, and engines, change nothing of it.
    """
    digest = hashlib.sha256()
    for stage in sorted(stages_of(folder.config)):
        name = portable_graph(stage)
        if name in folder:
            digest.update(f"{name} {folder.digest(name)}\n".encode())
    return digest.hexdigest()[:16]


def read_kept_layers(path: Path) -> KeptLayers:
    """Read a file of layers to keep; it is not trusted.

    Raises:
        InputError: it cannot be read, or is no such file, or names more than 100,000 layers.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(
            "the layers to keep cannot be read", seen=f"{path} ({error})", fix="Check the path that --keep names."
        ) from error
    if len(content) > _MOST_BYTES:
        raise _wrong("is too large", f"more than {_MOST_BYTES} bytes", f"at most {_MOST_BYTES} bytes")
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _wrong("is not JSON", str(error), "the JSON that `videobert compare --layers` writes") from error
    return kept_layers(found)


def kept_layers(found: object) -> KeptLayers:
    """What `read_kept_layers` makes of the JSON in a file; raises as it does."""
    if not isinstance(found, dict) or found.get("format") != KEPT_FORMAT:
        seen = found.get("format") if isinstance(found, dict) else found
        raise _wrong("has a format that is not known", described(seen), f"format {KEPT_FORMAT}")
    weights, stages = found.get("weights"), found.get("stages")
    if not isinstance(weights, str) or len(weights) > _LONGEST_NAME:
        raise _wrong("does not say of which weights it is", described(weights), "weights: hexadecimal digits")
    if not isinstance(stages, dict) or not all(isinstance(names, list) for names in stages.values()):
        raise _wrong("has no layers by stage", described(stages), "stages: lists of names of nodes, by stage")
    count = sum(len(names) for names in stages.values())
    if count > _MOST_LAYERS:
        raise _wrong("names too many layers", count, f"at most {_MOST_LAYERS}")
    for names in stages.values():
        for name in names:
            if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
                raise _wrong("has a layer that is no name", described(name), f"a text of up to {_LONGEST_NAME} letters")
    return KeptLayers(
        weights=weights, stages={str(stage): tuple(dict.fromkeys(names)) for stage, names in stages.items()}
    )


def _wrong(what: str, seen: object, allowed: object) -> VideoBertError:
    return InputError(
        f"the file of layers to keep {what}",
        seen=seen,
        allowed=allowed,
        fix="Write it with `videobert compare --layers`.",
    )
