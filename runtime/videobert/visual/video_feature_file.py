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
MOST_BYTES = 1 << 32
_HEADER_BYTES = 1 << 20
_HEAD_BYTES = 4096
_FORMAT_NAME = json.dumps(FORMAT["format"]).encode()
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


def content_of(features: Any) -> bytes:
    """The content of a file of `VideoFeatures`, of which there is one clip at least."""
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
    content: bytes = save({name: rows.copy() for name, rows in tensors.items()}, metadata=metadata)
    return content


def write(path: Path, content: bytes) -> None:
    """Write the content of a feature file to `path`; it appears whole or not at all.

    Raises:
        InputError: the path cannot be written.
    """
    try:
        write_atomically(path, lambda file: file.write_bytes(content))
    except (OSError, ValueError) as error:
        raise InputError(
            "the feature file cannot be written",
            seen=f"{path} ({getattr(error, 'strerror', None) or error})",
            fix="Check the path and that its folder is there.",
        ) from error


def read(path: Path) -> bytes:
    """The content of the file `path`, not looked at yet, or so much of it that `parse` sees it is too large.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        seen = f"{path} ({getattr(error, 'strerror', None) or error})"
        raise InputError("the feature file cannot be read", seen=seen, fix="Check the path.") from error


def parse(content: bytes, name: str, make: Callable[..., Made]) -> Made:
    """What `make` makes of the fields of a `VideoFeatures` in the content of an untrusted file, called `name`.

    Raises:
        InputError: damaged, too large, or not the features of a video.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if len(content) > MOST_BYTES:
        raise _unusable(name, f"more than {MOST_BYTES} bytes")
    try:
        metadata = json.loads(content[8 : 8 + _header_length(content)])["__metadata__"]
        if not FORMAT.items() <= metadata.items() or "video" not in metadata:
            raise _unusable(name, f"features of format {metadata.get('format')!r} that name no video")
        fields = json.loads(metadata["video"])
        if set(fields) != set(_FIELDS) or any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
            raise _unusable(name, f"the fields {sorted(fields)}")
        tensors = load(content)
        pictures = {n.removeprefix(_PICTURES): tensors.pop(n) for n in sorted(tensors) if n.startswith(_PICTURES)}
        features, cuts_s = tensors.pop("features"), tensors.pop("cuts_s", None)
        if tensors:
            raise _unusable(name, f"the tensors {sorted(tensors)}")
        return make(
            **{**fields, "clip_s": rational(fields["clip_s"])},
            features=features,
            pictures=pictures,
            cuts_s=cuts_s,
            backbone=metadata["backbone_hash"],
            clip_recipe=metadata["clip_hash"],
        )
    except InputError as error:
        raise _unusable(name, str(error)) from error
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _unusable(name, "a file that is damaged, cut short or of another kind") from error


def is_video_feature_file(path: Path) -> bool:
    """Whether a path is meant as the features of a video: by its suffix, or by its header."""
    if path.suffix.lower() == SUFFIX:
        return True
    try:
        # Only ordinary files: reading a pipe would take bytes from whoever reads it next.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with path.open("rb") as file:
            return begins_as_video_features(file.read(_HEAD_BYTES))
    except (OSError, ValueError):
        return False


def begins_as_video_features(head: bytes) -> bool:
    """Whether these first bytes, 4096 of them unless the file has fewer, are those of the features of a video."""
    # safetensors writes its metadata in front of all else, and theirs are short.
    return head[8:9] == b"{" and 0 < int.from_bytes(head[:8], "little") <= _HEADER_BYTES and _FORMAT_NAME in head


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
