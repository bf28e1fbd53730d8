"""Train a codebook: hierarchical k-means over streamed features, and what it measures about itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.base.errors import UsageError
from videobert.visual.codebook import MAX_LEAVES, Assignment, Codebook, Level
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.codebooks.kmeans_tree import Node, Rows, build_tree
from videobert_modeling.codebooks.spool import FeatureSpool, Progress

_QUANTILES = 1001
# With fewer training rows a leaf than this, a held-out tenth would cost more accuracy than it tells.
_ROWS_PER_LEAF_TO_HOLD_OUT = 10
# With fewer, most leaves are single features, at distance 0 from themselves and from nothing else.
_ROWS_PER_LEAF_TO_MEAN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """A trained codebook and how the training went.

    Args:
        codebook: tree, leaves, distance quantiles and the flat-to-tree agreement on the training features.
        objectives: mean squared distance of training features to their cluster's mean after 0, 1, … levels.
        unsplit: branches above the last level that were not split, for lack of rows or of distinct rows.
        training_rows, held_out_rows: rows that shaped the codebook, and rows kept apart to measure it.
        held_out_agreement: share of held-out rows for which tree and flat assignment agree; None without such rows.
    """

    codebook: Codebook
    objectives: tuple[float, ...]
    unsplit: int
    training_rows: int
    held_out_rows: int
    held_out_agreement: float | None

    @property
    def summary(self) -> str:
        """A few plain sentences for a person."""
        codebook = self.codebook
        text = f"{len(codebook)} leaves from {self.training_rows} features."
        if self.unsplit:
            places = "1 place" if self.unsplit == 1 else f"{self.unsplit} places"
            text += f" The tree is pruned in {places}, where too few distinct features were left to split."
        text += f" Tree and flat assignment agree on {codebook.agreement or 0:.1%} of the training features"
        if self.held_out_agreement is not None:
            text += f" and on {self.held_out_agreement:.1%} of {self.held_out_rows} held out"
        text += "."
        if self.training_rows < _ROWS_PER_LEAF_TO_MEAN * len(codebook):
            text += (
                " These are hardly more features than leaves: distances, and so the out-of-domain signal, mean little."
                " Use more video, or fewer branches and levels."
            )
        return text


def train_codebook(
    features: Iterable[npt.ArrayLike],
    *,
    branching: int = 12,
    depth: int = 4,
    seed: int = 0,
    backbone_hash: str,
    clip_hash: str,
    on_progress: Progress | None = None,
) -> Codebook:
    """The codebook of `cluster`, without the account of how it was made."""
    return cluster(
        features,
        branching=branching,
        depth=depth,
        seed=seed,
        backbone_hash=backbone_hash,
        clip_hash=clip_hash,
        on_progress=on_progress,
    ).codebook


def cluster(
    features: Iterable[npt.ArrayLike],
    *,
    branching: int = 12,
    depth: int = 4,
    seed: int = 0,
    backbone_hash: str,
    clip_hash: str,
    on_progress: Progress | None = None,
) -> Clustering:
    """Hierarchical k-means (arXiv 1904.01766, section 4.2: 12 branches, 4 levels) over features on disk.

    The same features, order and seed give the same codebook. Memory does not grow with the features, but for
    some tens of bytes a row; disk holds them once, as float32, in the temporary directory.

    Args:
        features: floating-point arrays `(n, D)`, read once.
        branching: children of a node, 2 or more; `branching ** depth` is at most 65,536.
        depth: levels below the root, 1 or more.
        seed: 0 to 2 ** 63 - 1.
        backbone_hash, clip_hash: what made the features; the codebook refuses others.
        on_progress: called as `(stage, done, total)` with the stages read, split and measure.

    Raises:
        InputError: no features, mixed widths, a NaN or infinite value (the row is named), or sizes out of range.
    """
    _check_sizes(branching, depth, seed)
    # Threads would add up float sums in another order each time. The limit reaches only what is loaded already, and
    # scikit-learn brings threads of its own.
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with FeatureSpool() as spool, threadpool_limits(limits=1):
        spool.fill(features, on_progress)
        training, held_out = _partition(spool.rows, branching**depth, seed)
        with _cores_not_counted():
            root = build_tree(
                spool,
                training,
                branching=branching,
                depth=depth,
                seed=seed,
                on_rows=(lambda done, total: on_progress("split", done, total)) if on_progress else None,
            )
        levels = _levels(root, depth)
        leaves = _table(levels[-1])
        tree = tuple(Level(_table(level), _offsets(level)) for level in levels[1:-1])
        draft = Codebook(
            leaves=leaves,
            levels=tree,
            distances=np.zeros(2, np.float32),
            backbone_hash=backbone_hash,
            clip_hash=clip_hash,
        )
        measured = _Measured(spool, draft, spool.rows, on_progress)
        agreement, distances = measured.on(training)
        codebook = Codebook(
            leaves=leaves,
            levels=tree,
            distances=np.quantile(distances, np.linspace(0, 1, _QUANTILES)).astype(np.float32),
            backbone_hash=backbone_hash,
            clip_hash=clip_hash,
            agreement=agreement,
            seed=seed,
            samples=len(training),
        )
        return Clustering(
            codebook=codebook,
            objectives=tuple(sum(node.objective for node in level) / len(training) for level in levels),
            unsplit=len({id(node) for level in levels[:-1] for node in level if not node.children}),
            training_rows=len(training),
            held_out_rows=len(held_out),
            held_out_agreement=measured.on(held_out)[0] if len(held_out) else None,
        )


def cluster_files(
    paths: Iterable[Path],
    out: Path,
    *,
    branching: int = 12,
    depth: int = 4,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Clustering:
    """Train a codebook on feature files, in the order given, and write it to `out` (`codebook.safetensors`).

    Raises:
        MismatchError: the files name more than one backbone or clip recipe.
        ModelError: a file is damaged or not a feature file.
        InputError: as `cluster`.
    """
    files = FeatureFiles.open(paths)
    result = cluster(
        files.blocks(),
        branching=branching,
        depth=depth,
        seed=seed,
        backbone_hash=files.backbone_hash,
        clip_hash=files.clip_hash,
        on_progress=on_progress,
    )
    result.codebook.save(out)
    return result


class _Measured:
    """Agreement of flat and tree assignment, and flat distances, block by block."""

    def __init__(self, spool: FeatureSpool, codebook: Codebook, total: int, on_progress: Progress | None) -> None:
        self._spool, self._codebook, self._total = spool, codebook, total
        self._on_progress: Callable[[str, int, int | None], None] = on_progress or (lambda *_: None)
        self._done = 0

    def on(self, members: Rows) -> tuple[float, npt.NDArray[np.float32]]:
        distances = np.empty(len(members), np.float32)
        same = start = 0
        for part, rows in self._spool.blocks(members):
            flat, distances[start : start + len(part)] = self._assign(rows, "flat")
            same += int((flat == self._assign(rows, "tree")[0]).sum())
            start += len(part)
            self._done += len(part)
            self._on_progress("measure", self._done, self._total)
        return same / len(members), distances

    def _assign(
        self, rows: npt.NDArray[np.float32], method: Assignment
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        return self._codebook.assign(rows, method)


@contextmanager
def _cores_not_counted() -> Iterator[None]:
    """scikit-learn starts a program that counts cores, unless this variable is set. OpenMP has read it long before."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]


def _partition(rows: int, leaves: int, seed: int) -> tuple[Rows, Rows]:
    """Rows to train on and rows to hold out, both ascending."""
    everything = np.arange(rows, dtype=np.int64)
    if rows < _ROWS_PER_LEAF_TO_HOLD_OUT * leaves:
        return everything, everything[:0]
    out = np.zeros(rows, bool)
    out[np.random.default_rng([seed, rows]).choice(rows, rows // 10, replace=False)] = True
    return everything[~out], everything[out]


def _levels(root: Node, depth: int) -> list[list[Node]]:
    """All nodes level by level; a node that was not split stands on every level below its own."""
    levels = [[root]]
    for _ in range(depth):
        levels.append([child for node in levels[-1] for child in node.children or [node]])
    return levels


def _table(level: list[Node]) -> npt.NDArray[np.float32]:
    return np.stack([node.mean for node in level]).astype(np.float32)


def _offsets(level: list[Node]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *(max(1, len(node.children)) for node in level)], dtype=np.int64)


def _check_sizes(branching: int, depth: int, seed: int) -> None:
    # The power of a depth without bounds would not be known in a lifetime.
    if branching < 2 or not 1 <= depth < MAX_LEAVES.bit_length() or branching**depth > MAX_LEAVES:
        raise UsageError(
            "branching and depth are out of range",
            seen=f"branching {branching}, depth {depth}",
            allowed=f"branching 2 or more, depth 1 or more, branching ** depth at most {MAX_LEAVES}",
            fix="The paper's are 12 and 4.",
        )
    check_seed(seed)
