"""Centroid arrays of others as a codebook: one array, or one file for each group of leaves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, LimitExceeded, ModelError
from videobert.visual.codebook import MAX_DIM, MAX_LEAVES, Codebook, Level
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.importers.checkpoint import open_array
from videobert_modeling.importers.ledger import Entry, Ledger

_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)\.npy")
# In a tree in its own order nearly every leaf finds itself on the way down; in a shuffled one nearly none does.
_SELF_FOUND = 0.95
_QUANTILES = 1001
_SPACING_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Centroids:
    """Leaves, the tree above them if the order of the files gave one, and the account of both.

    Args:
        leaves: float32 `(K, D)`.
        levels: as in `Codebook`; None if flat.
        ledger: one entry for each file; a note says how the tree came about, or why there is none.
    """

    leaves: npt.NDArray[np.float32]
    levels: tuple[Level, ...] | None
    ledger: Ledger


def read_centroids(source: Path, *, branching: int = 12, strict: bool = True) -> Centroids:
    """Read `(K, D)` from a `.npy` or `.npz` file, or a folder of `NAME-1.npy` … `NAME-1728.npy`.

    Numbered files are groups of sibling leaves, in the order of their numbers; missing numbers are pruned groups. Inner
    nodes, which such files do not hold, are rebuilt as the mean of their leaves where the order proves to be that of a
    tree: at least 95 % of the leaves must find themselves by walking down it.

    Args:
        branching: children of a node; read off the largest group of loose files.
        strict: refuse a folder with other arrays beside the numbered ones.

    Raises:
        ModelError: nothing there, damaged, holding objects, mixed widths, or a NaN or infinite value (the row is
            named).
        LimitExceeded: more than 65,536 leaves or 16,384 values a leaf.
    """
    ledger = Ledger("centroids", source.name)
    if branching < 2:
        raise InputError("branching is out of range", seen=branching, allowed="2 or more")
    if source.is_dir():
        leaves, numbers, counts = _loose(source, ledger, strict)
        branching = max(2, *counts)
        # A single level of groups has numbers up to `branching`; every level above multiplies that.
        paths = np.array(numbers) - 1
    else:
        leaves = _rows(source.name, open_array(source))
        ledger.entries.append(Entry(source.name, "used", leaves.shape, "leaves"))
        if len(leaves) % branching:
            note = f"flat: {len(leaves)} leaves are not groups of {branching}, so the order does not tell a tree"
            ledger.notes.append(note)
            return Centroids(leaves=leaves, levels=None, ledger=ledger)
        counts = [branching] * (len(leaves) // branching)
        paths = np.arange(len(counts))
    levels = _rebuild(leaves, paths, np.array(counts), branching)
    found = _self_found(leaves, levels)
    shape = " x ".join(str(len(level.centroids)) for level in levels) + f" x {len(leaves)}"
    if found < _SELF_FOUND:
        ledger.notes.append(f"flat: in the order of the file only {found:.0%} of the leaves find themselves in a tree")
        return Centroids(leaves=leaves, levels=None, ledger=ledger)
    ledger.notes.append(f"tree of {shape} rebuilt from the order; inner nodes are plain means of their leaves")
    return Centroids(leaves=leaves, levels=levels, ledger=ledger)


def make_codebook(
    centroids: Centroids, *, backbone_hash: str, clip_hash: str, features: Sequence[Path] = ()
) -> Codebook:
    """A codebook of imported centroids.

    With feature files, the distances and the agreement of tree and flat assignment are measured on them. Without,
    nothing is known of the training distances: the distance from a leaf to its nearest neighbour stands in, and the
    ledger says so.

    Raises:
        MismatchError: the feature files name another backbone or clip recipe.
    """

    def codebook(distances: npt.NDArray[Any], **known: Any) -> Codebook:
        quantiles = np.quantile(distances, np.linspace(0, 1, _QUANTILES)).astype(np.float32)
        return Codebook(
            leaves=centroids.leaves,
            levels=centroids.levels,
            distances=quantiles,
            backbone_hash=backbone_hash,
            clip_hash=clip_hash,
            **known,
        )

    draft = codebook(_spacing(centroids.leaves))
    if not features:
        centroids.ledger.notes.append(
            "distance percentiles are a stand-in, the spacing of the leaves: pass feature files to measure them"
        )
        return draft
    files = FeatureFiles.open(features)
    draft.check(files.backbone_hash, files.clip_hash)
    distances, same = [], 0
    for block in files.blocks():
        rows = np.asarray(block, np.float32)
        flat, distance = draft.assign(rows)
        distances.append(distance)
        same += int((flat == draft.assign(rows, "tree")[0]).sum()) if centroids.levels is not None else 0
    if not files.rows:
        raise InputError("the feature files hold no rows", fix="Pass files with features.")
    agreement = same / files.rows if centroids.levels is not None else None
    return codebook(np.concatenate(distances), agreement=agreement, samples=files.rows)


def _loose(folder: Path, ledger: Ledger, strict: bool) -> tuple[npt.NDArray[np.float32], list[int], list[int]]:
    """Leaves of all numbered files, and for each file that holds any, its number and how many."""
    matches = {path: _NUMBERED.fullmatch(path.name) for path in sorted(folder.glob("*.np[yz]"))}
    ledger.entries += [Entry(path.name, "unexplained") for path, match in matches.items() if match is None]
    stems = {match["stem"] for match in matches.values() if match}
    if len(stems) != 1 or len(matches) > MAX_LEAVES:
        raise ModelError(
            f"{folder.name} does not hold numbered centroid files of one name",
            seen=", ".join(sorted(stems)) or "none",
            allowed=f"such as centroids-1.npy to centroids-1728.npy, at most {MAX_LEAVES}",
        )
    numbered: dict[int, Path] = {}
    for path, match in matches.items():
        if match is None:
            continue
        number = int(match["number"])
        if number in numbered or number < 1:
            raise ModelError(
                f"{folder.name} should number its files from 1, each number once",
                seen=path.name if number < 1 else f"{numbered[number].name}, {path.name}",
            )
        numbered[number] = path
    if strict:
        ledger.require_explained()
    parts: list[npt.NDArray[np.float32]] = []
    numbers: list[int] = []
    for number in sorted(numbered):
        rows = _rows(numbered[number].name, open_array(numbered[number]), empty=True)
        status_note = "" if len(rows) else "an empty group"
        ledger.entries.append(Entry(numbered[number].name, "used", rows.shape, "leaves", status_note))
        if len(rows):
            parts.append(rows)
            numbers.append(number)
    if not parts or len({part.shape[1] for part in parts}) > 1:
        raise ModelError(f"the files of {folder.name} should hold rows of one width", seen=[p.shape for p in parts][:8])
    leaves = np.concatenate(parts)
    _check_size(folder.name, leaves.shape)
    return leaves, numbers, [len(part) for part in parts]


def _rows(name: str, array: npt.NDArray[Any], *, empty: bool = False) -> npt.NDArray[np.float32]:
    if array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1] or not (empty or len(array)):
        raise ModelError(
            f"{name} does not hold centroids",
            seen=f"{array.dtype}{array.shape}",
            allowed="floating-point (K, D)",
        )
    _check_size(name, array.shape)
    with np.errstate(over="ignore"):
        rows = np.array(array, np.float32)
    wrong = ~np.isfinite(rows).all(axis=1)
    if wrong.any():
        raise ModelError(f"row {int(wrong.argmax())} of {name} holds a NaN or infinite value")
    return rows


def _check_size(name: str, shape: tuple[int, ...]) -> None:
    if shape[0] > MAX_LEAVES or shape[1] > MAX_DIM:
        raise LimitExceeded(f"{name} is too large", seen=shape, allowed=f"{MAX_LEAVES} leaves of {MAX_DIM} values")


def _rebuild(
    leaves: npt.NDArray[np.float32], paths: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], branching: int
) -> tuple[Level, ...]:
    """Levels above groups of leaves; group i has place `paths[i]` on its level, its parent `paths[i] // branching`.

    Levels stop where one would have no more than a single node, or where the groups are not a power of `branching`.
    """
    levels: list[Level] = []
    weights = counts
    sums = np.add.reduceat(leaves.astype(np.float64), np.cumsum(counts) - counts)
    whole = _is_power(int(paths[-1]) + 1, branching) or len(paths) < int(paths[-1]) + 1
    while True:
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        levels.append(Level((sums / weights[:, None]).astype(np.float32), offsets))
        if len(paths) <= branching or not whole:
            return tuple(reversed(levels))
        paths, starts, counts = np.unique(paths // branching, return_index=True, return_counts=True)
        sums, weights = np.add.reduceat(sums, starts), np.add.reduceat(weights, starts)


def _is_power(number: int, base: int) -> bool:
    while number > 1 and number % base == 0:
        number //= base
    return number == 1


def _self_found(leaves: npt.NDArray[np.float32], levels: tuple[Level, ...]) -> float:
    draft = Codebook(leaves=leaves, levels=levels, distances=np.zeros(2, np.float32), backbone_hash="", clip_hash="")
    return float((draft.assign(leaves, "tree")[0] == draft.assign(leaves, "flat")[0]).mean())


def _spacing(leaves: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Distance from some of the leaves, evenly chosen, to the nearest other one."""
    if len(leaves) == 1:
        return np.zeros(1)
    chosen = np.unique(np.linspace(0, len(leaves) - 1, min(len(leaves), _SPACING_ROWS)).astype(np.int64))
    centred = leaves - leaves.mean(axis=0, dtype=np.float64)
    norms = np.einsum("kd,kd->k", centred, centred)
    squared = norms[chosen, None] + norms - 2 * (centred[chosen] @ centred.T)
    squared[np.arange(len(chosen)), chosen] = np.inf
    nearest: npt.NDArray[np.float64] = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return nearest
