"""The codebook: centroids that turn a clip's feature into a visual token."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import as_number, as_whole, described, local_path, one_of, whole
from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.visual.codebook_file import MAX_LEVELS, parse, read, write
from videobert.visual.nearest import NearestCentroids, NearestTree

MAX_LEAVES = 65_536
MAX_DIM = 16_384
_FAR = 1 << 64

Assignment = Literal["flat", "tree"]
ASSIGNMENTS = ("flat", "tree")


class Level(NamedTuple):
    """An inner level of the centroid tree.

    Args:
        centroids: float32 `(nodes, dim)`.
        offsets: int64 `(nodes + 1,)`; the children of node i are nodes `offsets[i]` to `offsets[i + 1] - 1` of the
            next level, or leaves below the last one. Every node has at least one child; a pruned tree has fewer.
    """

    centroids: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Codebook:
    """Leaves, the tree above them and what is known of the features they were trained on.

    Hierarchical k-means as in arXiv 1904.01766, section 4.2 (4 levels of 12 there: 20,736 leaves).

    Args:
        leaves: float32 `(leaves, dim)`; row i is visual token i.
        levels: inner levels, root side first; None if only the leaves are known.
        distances: float32 `(quantiles,)`, ascending: evenly spaced quantiles, minimum to maximum, of the distance
            from the training features to their nearest leaf; None where distances mean nothing.
        backbone_hash: `videobert.model.folder.backbone_hash` of the backbone that gave the features.
        clip_hash: `Recipe.clip_hash` of the recipe that gave the clips.
        agreement: share of training features, 0 to 1, for which tree and flat assignment agree; None if not measured.
        seed: of the clustering; None if not known.
        samples: number of training features; 0 if not known.
        lifted: the leaves have a last column that features lack, where a feature has zero. With it the nearest leaf can
            be a linear classifier's first class, see `classifier_leaves`.

    Raises:
        ModelError: shapes do not fit each other, or a value is not finite.
    """

    leaves: npt.NDArray[np.float32]
    distances: npt.NDArray[np.float32] | None
    backbone_hash: str
    clip_hash: str
    levels: tuple[Level, ...] | None = None
    agreement: float | None = None
    seed: int | None = None
    samples: int = 0
    lifted: bool = False
    _flat: NearestCentroids = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_array("leaves", self.leaves, 2)
        if len(self.leaves) > MAX_LEAVES or self.leaves.shape[1] > MAX_DIM:
            raise _damaged("leaves", self.leaves.shape, f"at most {MAX_LEAVES} leaves of {MAX_DIM} values")
        if self.distances is not None:
            _check_array("distances", self.distances, 1)
            if len(self.distances) < 2 or self.distances[0] < 0 or np.any(np.diff(self.distances) < 0):
                raise _damaged("distances", self.distances[:8], "two or more ascending values from 0")
        if type(self.lifted) is not bool or (self.lifted and (self.leaves.shape[1] < 2 or self.levels is not None)):
            raise _damaged("lifted", self.lifted, "true or false; true only without a tree")
        for name in ("backbone_hash", "clip_hash"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.isascii():
                raise _damaged(name, described(value), "hexadecimal digits")
        self._check_numbers()
        if self.levels is not None:
            object.__setattr__(self, "levels", _tree(self.levels, self.leaves))
        object.__setattr__(self, "_flat", NearestCentroids(self.leaves))

    def _check_numbers(self) -> None:
        agreement, seed, samples = as_number(self.agreement), as_whole(self.seed), as_whole(self.samples)
        if self.agreement is not None and (agreement is None or not 0 <= agreement <= 1):
            raise _damaged("agreement", self.agreement, "0 to 1")
        if self.seed is not None and (seed is None or abs(seed) >= _FAR):
            raise _damaged("seed", self.seed, "a whole number of 64 bits")
        if samples is None or not 0 <= samples < _FAR:
            raise _damaged("samples", self.samples, "a whole number, 0 or more")
        for name, value in (("agreement", agreement), ("seed", seed), ("samples", samples)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        tree = "no tree" if self.levels is None else "x".join(str(len(level.centroids)) for level in self.levels)
        return f"Codebook(leaves=float32{self.leaves.shape}, tree={tree!r}, hash={self.hash!r})"

    def __len__(self) -> int:
        return len(self.leaves)

    @property
    def dim(self) -> int:
        """Values in a feature."""
        return int(self.leaves.shape[1]) - self.lifted

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that name every value that can change a token or its percentile."""
        digest = hashlib.sha256(f"{self.backbone_hash} {self.clip_hash}".encode())
        known = [] if self.distances is None else [self.distances]
        for array in [self.leaves, *known, *(array for level in self.levels or () for array in level)]:
            digest.update(f"{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
        return digest.hexdigest()[:16]

    def assign(
        self, features: npt.NDArray[np.float32], method: Assignment = "flat", *, threads: int | None = None
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """The visual token of each feature, and its distance to that token's centroid.

        The result of a row is the same whatever the other rows are.

        Args:
            features: float32 `(n, dim)`; n may be 0.
            method: `"flat"`, the exact nearest leaf, ties to the lowest id; or `"tree"`, the nearest child level by
                level, cheaper and the way large codebooks were used, which does not always end at the nearest leaf.
            threads: most threads to use; None or 0 for OMP_NUM_THREADS or the CPU quota, else the processors of this
                process.

        Returns:
            int32 `(n,)` ids and float32 `(n,)` Euclidean distances.

        Raises:
            InputError: wrong shape or method, or a NaN or infinite value (the message names the row).
            EngineUnavailable: VIDEOBERT_CPU asks for a CPU path that is not known or cannot run here.
        """
        check_assignment(method)
        if threads is not None:
            fix = "None leaves it to the environment."
            threads = whole("threads", threads, least=0, most=1024, allowed="0 to 1024, or None", fix=fix)
        features = self._checked(features)
        find = self._flat if method == "flat" else self._tree
        ids, squared = find.search(self.lift(features), threads=threads)
        return ids.astype(np.int32), _distance(squared)

    def near(
        self, feature: npt.NDArray[np.float32], more: float, *, threads: int | None = None
    ) -> tuple[int, npt.NDArray[np.int64]]:
        """The nearest leaf of a feature, and all leaves that are farther by at most so much, the nearest among them.

        Args:
            feature: finite float32 `(dim,)`.
            more: Euclidean, 0 or more.
            threads: see `assign`.

        Returns:
            An id, and int64 ids, rising.
        """
        point = self.lift(feature[None])
        ids, squared = self._flat.search(point, threads=threads)
        # Room for what the root is rounded by.
        distance = (float(squared[0]) ** 0.5 + more) * (1 + 1e-12)
        return int(ids[0]), self._flat.within(point[0], distance, threads=threads)

    def lift(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Features as wide as the leaves: with a zero behind where the leaves are lifted, else as they are."""
        return np.pad(features, ((0, 0), (0, 1))) if self.lifted else features

    def percentile(self, distances: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Where distances lie among the training distances: 0 to 100, never falling as the distance grows.

        Near 100 means that a clip is as far from every centroid as the farthest training clips were, or farther.

        Raises:
            InputError: a distance is no number, or NaN; the codebook knows no training distances.
        """
        if self.distances is None:
            raise InputError(
                "distances to this codebook's centroids have no percentile",
                seen=repr(self),
                fix="Use the probability of a token, see `VisualTokens.scores`.",
            )
        found = _as_array(distances)
        if found.dtype.kind not in "iuf" or np.isnan(found).any():
            raise InputError(
                "distances are not numbers", seen=described(distances), allowed="numbers", fix="Use those of `assign`."
            )
        position = np.linspace(0.0, 100.0, len(self.distances))
        return np.interp(found.astype(np.float64), self.distances, position).astype(np.float32)

    def check(self, backbone_hash: str, clip_hash: str) -> None:
        """Refuse features of another backbone or recipe.

        Raises:
            MismatchError: the codebook was made for others.
        """
        parts = (("backbone", self.backbone_hash, backbone_hash), ("clip recipe", self.clip_hash, clip_hash))
        for name, made_for, given in parts:
            if not isinstance(given, str) or made_for != given:
                raise MismatchError(
                    f"the codebook was made for another {name}",
                    seen=given,
                    allowed=made_for,
                    fix="Train a codebook for this one with `videobert cluster`.",
                )

    def save(self, path: str | Path) -> None:
        """Write the codebook as a safetensors file; the file appears whole or not at all.

        Raises:
            InputError: the path cannot be written.
        """
        place = local_path("path", path)
        try:
            write(self, place)
        except (OSError, ValueError) as error:
            raise InputError(
                "the codebook cannot be written",
                seen=f"{place} ({getattr(error, 'strerror', None) or error})",
                fix="Check the path and that its folder is there.",
            ) from error

    @classmethod
    def load(cls, path: str | Path) -> Codebook:
        """Read a file that `save` wrote; the file is not trusted.

        Raises:
            ModelError: the file is missing, damaged or not a codebook.
        """
        return read(local_path("path", path), cls)

    @classmethod
    def from_bytes(cls, content: bytes) -> Codebook:
        """Like `load`, from the content of such a file: for content that was checked and must not change any more."""
        return parse(content, "codebook.safetensors", cls)

    def _checked(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        array = _as_array(features)
        if array.ndim != 2 or array.shape[1] != self.dim or array.dtype.kind != "f":
            raise InputError(
                "features do not fit this codebook",
                seen=described(features) if array.dtype.kind == "O" else f"{array.dtype}{array.shape}",
                allowed=f"float32 (n, {self.dim})",
                fix="Use features of the backbone that the codebook was made for.",
            )
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(array, np.float32)
        bad = ~np.isfinite(array).all(axis=1)
        if bad.any():
            raise InputError(
                f"row {int(bad.argmax())} of the features has a value that is not finite",
                seen=f"{int(bad.sum())} such rows of {len(array)}",
                fix="Look for overflow in the backbone or damaged input.",
            )
        return array

    @cached_property
    def _tree(self) -> NearestTree:
        if self.levels is None:
            raise InputError(
                "this codebook has no tree",
                seen="tree",
                allowed="flat",
                fix='Use assignment="flat", which is exact.',
                fix_cli="Use --assignment flat, which is exact.",
            )
        tables = [*(level.centroids for level in self.levels), self.leaves]
        return NearestTree(tables, [level.offsets for level in self.levels])


def classifier_leaves(
    weight: npt.NDArray[np.floating[Any]], bias: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float32]:
    """Leaves, to be lifted, whose nearest one to a feature is a linear classifier's first class.

    Leaf k is `[w_k, sqrt(M - |w_k|^2 - 2 b_k)]` with the largest `|w|^2 + 2 b` as M: then the squared distance to
    `[x, 0]` is `|x|^2 + M - 2 (w_k x + b_k)`, smallest where the logit is largest.

    Args:
        weight, bias: `(classes, dim)` and `(classes,)` of the classifier.

    Returns:
        float32 `(classes, dim + 1)`, computed in float64.
    """
    weight, bias = weight.astype(np.float64), bias.astype(np.float64)
    reach = (weight**2).sum(axis=1) + 2 * bias
    return np.column_stack([weight, np.sqrt(reach.max() - reach)]).astype(np.float32)


def check_assignment(method: str) -> None:
    """Refuse a way of assigning tokens that is not known."""
    one_of("way of assigning tokens", method, ASSIGNMENTS, "flat is exact.")


def _as_array(values: object) -> npt.NDArray[Any]:
    """An array of whatever was given; what makes none is an array of objects."""
    try:
        return np.asarray(values)
    except Exception:  # rows of different lengths, or whatever a foreign `__array__` raises
        return np.empty(0, np.object_)


def _distance(squared: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.minimum(np.sqrt(squared), np.finfo(np.float32).max).astype(np.float32)


def _tree(given: Iterable[Level], leaves: npt.NDArray[np.float32]) -> tuple[Level, ...]:
    try:
        levels = tuple(Level(*level) for level in islice(iter(given), MAX_LEVELS + 1))
    except Exception as error:  # whatever a foreign iterator raises
        raise _damaged("levels", described(given), "pairs (centroids, offsets), or None") from error
    if len(levels) > MAX_LEVELS:
        raise _damaged("levels", f"more than {MAX_LEVELS}", f"at most {MAX_LEVELS}")
    below = [*(level.centroids for level in levels[1:]), leaves]
    for depth, (level, children) in enumerate(zip(levels, below, strict=False)):
        _check_array(f"levels.{depth}.centroids", level.centroids, 2)
        if level.centroids.shape[1] != leaves.shape[1] or len(level.centroids) > MAX_LEAVES:
            raise _damaged(f"levels.{depth}.centroids", level.centroids.shape, f"(nodes, {leaves.shape[1]})")
        offsets = level.offsets
        if not isinstance(offsets, np.ndarray):
            raise _damaged(f"levels.{depth}.offsets", described(offsets), "an int64 array")
        if (
            offsets.dtype != np.int64
            or offsets.shape != (len(level.centroids) + 1,)
            or offsets[0] != 0
            or offsets[-1] != len(children)
            or np.any(offsets[1:] <= offsets[:-1])
        ):
            raise _damaged(f"levels.{depth}.offsets", offsets[:8], f"rising int64 from 0 to {len(children)}")
    return levels


def _check_array(name: str, array: npt.NDArray[np.float32], dims: int) -> None:
    if not isinstance(array, np.ndarray):
        raise _damaged(name, described(array), f"a float32 array with {dims} dimensions")
    if array.dtype != np.float32 or array.ndim != dims or 0 in array.shape:
        raise _damaged(name, f"{array.dtype}{array.shape}", f"float32 with {dims} dimensions, none empty")
    if not np.isfinite(array).all():
        raise _damaged(name, "a value that is not finite", "finite values")


def _damaged(name: str, seen: object, allowed: str) -> ModelError:
    return ModelError(
        f"the codebook's {name} cannot be used",
        seen=seen,
        allowed=allowed,
        fix="Make the codebook again with `videobert cluster` or `videobert import`.",
    )
