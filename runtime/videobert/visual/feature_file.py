"""Feature files: clip features with the hashes of the backbone and recipe that made them, as safetensors.

A tensor `features`, float16 or float32 `(n, D)`, and the text metadata `format` = `videobert-features`,
`version` = `1`, `backbone_hash` and `clip_hash`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.visual.feature_rows import checked_rows

FORMAT = {"format": "videobert-features", "version": "1"}
_BLOCK_ROWS = 4096


def write_features(path: Path, features: npt.NDArray[np.floating], *, backbone_hash: str, clip_hash: str) -> None:
    """Write features `(n, D)`, float16 or float32, with what made them.

    Raises:
        InputError: another shape or kind of number.
    """
    from safetensors.numpy import save_file

    if features.ndim != 2 or features.dtype not in (np.float16, np.float32):
        raise InputError(
            "these are not features", seen=f"{features.dtype}{features.shape}", allowed="float16 or float32 (n, D)"
        )
    hashes = {"backbone_hash": backbone_hash, "clip_hash": clip_hash}
    save_file({"features": np.ascontiguousarray(features)}, path, metadata=FORMAT | hashes)


@dataclass(frozen=True, slots=True)
class FeatureFiles:
    """Feature files that all name the same backbone and clip recipe.

    Args:
        paths: in reading order.
        backbone_hash, clip_hash: what made the features of all of them.
        rows: in all files together.
        dim: width of a feature.
    """

    paths: tuple[Path, ...]
    backbone_hash: str
    clip_hash: str
    rows: int
    dim: int

    @classmethod
    def open(cls, paths: Iterable[Path]) -> FeatureFiles:
        """Read the headers of `paths`.

        Raises:
            InputError: no path was given.
            ModelError: a file is missing, damaged or not a feature file.
            MismatchError: a file names another backbone, clip recipe or width than the first.
        """
        files = tuple(Path(path) for path in paths)
        if not files:
            raise InputError(
                "no feature files were given", fix="Name some, or videos with `videobert cluster --model FOLDER`."
            )
        headers = [_header(path) for path in files]
        for path, header in zip(files, headers, strict=True):
            for name in ("backbone_hash", "clip_hash", "dim"):
                if getattr(header, name) != getattr(headers[0], name):
                    raise MismatchError(
                        f"{path.name} was made with another {_WORDS[name]} than {files[0].name}",
                        seen=getattr(header, name),
                        allowed=getattr(headers[0], name),
                        fix="Cluster only features of one backbone and one recipe.",
                    )
        first = headers[0]
        return cls(files, first.backbone_hash, first.clip_hash, sum(h.rows for h in headers), first.dim)

    def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """The features of all files in order, at most 4,096 rows at a time.

        Raises:
            InputError: a value is NaN, infinite or beyond 1e15; the file and its row, from 0, are named.
        """
        from safetensors import safe_open

        for path in self.paths:
            with safe_open(path, framework="numpy") as file:
                features = file.get_slice("features")
                rows = features.get_shape()[0]
                for start in range(0, rows, _BLOCK_ROWS):
                    block = features[start : min(start + _BLOCK_ROWS, rows)]
                    yield checked_rows(block, start, f" of {path.name}")


def read_features(paths: Iterable[Path]) -> Iterator[npt.NDArray[np.float32]]:
    """The features of `FeatureFiles.open(paths)`, a block at a time; raises as it does."""
    return FeatureFiles.open(paths).blocks()


@dataclass(frozen=True, slots=True)
class _Header:
    backbone_hash: str
    clip_hash: str
    rows: int
    dim: int


_WORDS = {"backbone_hash": "backbone", "clip_hash": "clip recipe", "dim": "feature width"}


def _header(path: Path) -> _Header:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            known = "features" in set(file.keys()) and FORMAT.items() <= metadata.items()
            tensor = file.get_slice("features") if known else None
            shape, kind = (tensor.get_shape(), tensor.get_dtype()) if tensor is not None else ([], "")
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path.name} cannot be read as a feature file",
            seen=str(error),
            fix="Check the path. To cluster videos, name the model that sees them with --model.",
        ) from error
    if len(shape) != 2 or kind not in ("F16", "F32") or not {"backbone_hash", "clip_hash"} <= metadata.keys():
        raise ModelError(
            f"{path.name} is not a feature file",
            seen=f"{kind}{shape} {metadata}",
            allowed="a tensor `features` (n, D) of float16 or float32, with backbone_hash and clip_hash",
            fix="Write feature files with videobert.visual.feature_file.write_features.",
        )
    return _Header(metadata["backbone_hash"], metadata["clip_hash"], shape[0], shape[1])
