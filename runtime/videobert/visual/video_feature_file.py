"""`.vbf`: the features of one video as safetensors, which clustering reads as any feature file.

Tensors `features` and, for each question that pictures answer, `pictures.NAME`, float16; `cuts_s`, float64, where
somebody looked for cuts. Metadata: that of a feature file (`videobert.visual.feature_file`), and `video`, a JSON text
with the other fields.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError
from videobert.base.rational import rational
from videobert.visual.feature_file import FORMAT

Made = TypeVar("Made")

SUFFIX = ".vbf"
_PICTURES = "pictures."
_MOST_BYTES = 1 << 32
_HEADER_BYTES = 1 << 20
_FIELDS = {
    "first_s": float,
    "end_s": float,
    "padded_frames": int,
    "stride": int,
    "clip_s": str,
    "model": str,
    "engine": str,
    "precision": str,
}


def write(features: Any, path: Path) -> None:
    """Write a `VideoFeatures` to `path`.

    Raises:
        InputError: the path cannot be written.
    """
    from safetensors.numpy import save

    fields = {name: kind(getattr(features, name)) for name, kind in _FIELDS.items()}
    tensors = {"features": features.features}
    tensors |= {f"{_PICTURES}{name}": rows for name, rows in features.pictures.items()}
    if features.cuts_s is not None:
        tensors["cuts_s"] = features.cuts_s
    metadata = FORMAT | {
        "backbone_hash": features.backbone,
        "clip_hash": features.clip_recipe,
        "video": json.dumps(fields, sort_keys=True),
    }
    content = save({name: rows.copy() for name, rows in tensors.items()}, metadata=metadata)
    try:
        write_atomically(path, lambda file: file.write_bytes(content))
    except (OSError, ValueError) as error:
        raise InputError(
            "the feature file cannot be written",
            seen=f"{path} ({getattr(error, 'strerror', None) or error})",
            fix="Check the path and that its folder is there.",
        ) from error


def read(path: Path, make: Callable[..., Made]) -> Made:
    """What `make` makes of the fields of a `VideoFeatures` in an untrusted file.

    Raises:
        InputError: missing, damaged, or not the features of a video.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError("the feature file cannot be read", seen=str(error), fix="Check the path.") from error
    if len(content) > _MOST_BYTES:
        raise _unusable(path.name, f"more than {_MOST_BYTES} bytes")
    try:
        metadata = json.loads(content[8 : 8 + _header_length(content)])["__metadata__"]
        if not FORMAT.items() <= metadata.items() or "video" not in metadata:
            raise _unusable(path.name, f"features of format {metadata.get('format')!r} that name no video")
        fields = json.loads(metadata["video"])
        if set(fields) != set(_FIELDS) or any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
            raise _unusable(path.name, f"the fields {sorted(fields)}")
        tensors = load(content)
        pictures = {n.removeprefix(_PICTURES): tensors.pop(n) for n in sorted(tensors) if n.startswith(_PICTURES)}
        features, cuts_s = tensors.pop("features"), tensors.pop("cuts_s", None)
        if tensors:
            raise _unusable(path.name, f"the tensors {sorted(tensors)}")
        return make(
            **{**fields, "clip_s": rational(fields["clip_s"])},
            features=features,
            pictures=pictures,
            cuts_s=cuts_s,
            backbone=metadata["backbone_hash"],
            clip_recipe=metadata["clip_hash"],
        )
    except InputError as error:
        raise _unusable(path.name, str(error)) from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _unusable(path.name, f"{type(error).__name__}: {error}") from error


def is_video_feature_file(path: Path) -> bool:
    """Whether a path is meant as the features of a video: by its suffix, or by its header."""
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        # Only ordinary files: reading a pipe would take bytes from whoever reads it next.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with path.open("rb") as file:
            head = file.read(9)
            if len(head) < 9 or head[8:9] != b"{" or _header_length(head) > _HEADER_BYTES:
                return False
            return b'"videobert-features"' in head[8:] + file.read(_header_length(head) - 1)
    except (OSError, ValueError):
        return False


def _header_length(content: bytes) -> int:
    length = int.from_bytes(content[:8], "little")
    if not 0 < length <= _HEADER_BYTES:
        raise ValueError(f"a header of {length} bytes")
    return length


def _unusable(name: str, seen: str) -> InputError:
    return InputError(
        f"{name} does not hold the features of a video that can be read",
        seen=seen,
        fix="Make it again with `videobert features VIDEO --out FILE.vbf`.",
    )
