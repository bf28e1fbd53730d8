"""Which importer reads a checkpoint: told by the names of its tensors, never by the name of the file."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.signatures import SIGNATURES, Shapes, Signature

CENTROIDS = "centroids"
_FLAX, _ARRAY = ".ckpt", ".npy"
_NUMBERED = re.compile(r".*?\d+\.npy")
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Recognised:
    """The kind of a checkpoint, and what it was told by."""

    kind: str
    why: str


def recognise(source: Path, kinds: Collection[str]) -> Recognised:
    """The one layout that fits a checkpoint.

    Args:
        source: see `open_checkpoint`; or arrays of centroids, or a flax file.
        kinds: of the importers that there are.

    Raises:
        ModelError: none fits, several do, or this release does not read it; the message names the nearest layouts and
            what they lack. Else as `open_checkpoint`.
    """
    source = Path(source)
    suffix = source.suffix.lower()
    if source.is_file() and suffix == _FLAX:
        return Recognised("i3d", "it is a flax file")
    if suffix == _ARRAY or (source.is_dir() and any(_NUMBERED.fullmatch(path.name) for path in source.iterdir())):
        return Recognised(CENTROIDS, "it holds arrays without names")
    shapes = {name: tuple(tensor.shape) for name, tensor in open_checkpoint(source).tensors.items()}
    if len(shapes) == 1 and suffix == ".npz":
        return Recognised(CENTROIDS, "it holds one array")
    fitting = [signature for signature in SIGNATURES if not lacking(signature, shapes)]
    read = [signature for signature in fitting if signature.kind in kinds]
    if len(read) == 1 and len(fitting) == 1:
        return Recognised(str(read[0].kind), _why(read[0], shapes))
    if len(fitting) > 1:
        raise ModelError(
            f"{source.name} fits several layouts",
            seen="; ".join(f"{each.kind or each.title}: {_why(each, shapes)}" for each in fitting),
            fix=f"Name the kind in place of auto: {', '.join(each.kind for each in fitting if each.kind)}.",
        )
    if fitting:
        raise ModelError(
            f"{source.name} is {fitting[0].title}, which this release does not read",
            seen=_why(fitting[0], shapes),
            allowed=", ".join(kinds),
            fix="Use a checkpoint of one of those layouts.",
        )
    raise ModelError(
        f"{source.name} fits no layout that is known",
        seen=", ".join(list(shapes)[:_NAMED]),
        allowed="; ".join(_nearest(shapes, kinds)),
        fix="Check that the file is whole, or name the kind in place of auto.",
    )


def lacking(signature: Signature, shapes: Shapes) -> list[str]:
    """What speaks against a layout, in words; empty where nothing does."""
    found = [f"no {_shown(name)}" for name in signature.has if not _named(name, shapes)]
    for pattern in signature.lacks:
        found += [f"it has {name}" for name in _named(pattern, shapes)[:1]]
    if not found and (said := signature.against(shapes)):
        found.append(said)
    return found


def _why(signature: Signature, shapes: Shapes) -> str:
    names = [_named(pattern, shapes)[0] for pattern in signature.has]
    return f"{signature.title}, by {', '.join(names[:_NAMED])}"


def _nearest(shapes: Shapes, kinds: Collection[str]) -> list[str]:
    """The two layouts of which most is there, and what each lacks."""
    read = [signature for signature in SIGNATURES if signature.kind in kinds]

    def share(signature: Signature) -> float:
        return sum(bool(_named(name, shapes)) for name in signature.has) / len(signature.has)

    near = sorted(read, key=share, reverse=True)[:2]
    return [f"{each.kind} ({each.title}): {', '.join(lacking(each, shapes)[:_NAMED])}" for each in near]


def _named(pattern: str, shapes: Shapes) -> list[str]:
    return [name for name in shapes if re.fullmatch(pattern, name)]


def _shown(pattern: str) -> str:
    """A regular expression as the name that it stands for first."""
    first = pattern.split("|")[0] if "(" not in pattern else pattern
    return re.sub(r"\(\?:([^|)]*)[^)]*\)\??", r"\1", first).replace("\\b", "").replace("\\", "").replace(".*", "…")
