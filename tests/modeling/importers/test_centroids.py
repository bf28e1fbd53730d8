"""Centroid arrays: order of files, pruned groups, rebuilt trees, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.codebooks.cluster import train_codebook
from videobert_modeling.importers.shared.centroid_arrays import read_centroids
from videobert_modeling.importers.shared.centroid_codebook import make_codebook

DIM = 6


@pytest.fixture(scope="module")
def leaves() -> npt.NDArray[np.float32]:
    """The 4 x 4 x 4 leaves of a tree, in its order, each branch well apart from its siblings."""
    rng = np.random.default_rng(0)
    nodes = np.zeros((1, DIM))
    for size in (100.0, 10.0, 1.0):
        directions = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0][:4]
        nodes = (nodes[:, None] + size * directions[None]).reshape(-1, DIM)
    return nodes.astype(np.float32)


def write_groups(folder: Path, leaves: npt.NDArray[np.float32], without: tuple[int, ...] = ()) -> Path:
    folder.mkdir()
    for number, start in enumerate(range(0, len(leaves), 4), 1):
        if number not in without:
            np.save(folder / f"centroids-{number}.npy", leaves[start : start + 4])
    return folder


def test_loose_files_are_read_by_number_not_by_letter(tmp_path, leaves):
    read = read_centroids(write_groups(tmp_path / "c", leaves))
    assert np.array_equal(read.leaves, leaves)
    assert [entry.name for entry in read.ledger.entries][9] == "centroids-10.npy"
    assert {entry.status for entry in read.ledger.entries} == {"used"}


def test_a_tree_is_rebuilt_from_loose_files(tmp_path, leaves):
    read = read_centroids(write_groups(tmp_path / "c", leaves))
    assert [len(level.centroids) for level in read.levels] == [4, 16]
    assert np.allclose(read.levels[0].centroids, leaves.reshape(4, 16, DIM).mean(1), atol=1e-4)
    assert np.allclose(read.levels[1].centroids, leaves.reshape(16, 4, DIM).mean(1), atol=1e-4)
    assert read.ledger.notes[0].startswith("tree of 4 x 16 x 64")
    codebook = make_codebook(read, backbone_hash="b", clip_hash="c")
    near = leaves + np.float32(0.01)
    assert np.array_equal(codebook.assign(near, "tree")[0], np.arange(64))


def test_one_array_in_tree_order_gives_the_same_tree(tmp_path, leaves):
    np.save(tmp_path / "centers.npy", leaves.astype(np.float64))
    np.savez(tmp_path / "centers.npz", leaves)
    loose = read_centroids(write_groups(tmp_path / "c", leaves))
    for name in ("centers.npy", "centers.npz"):
        whole = read_centroids(tmp_path / name, branching=4)
        assert np.array_equal(whole.leaves, leaves)
        for ours, theirs in zip(whole.levels, loose.levels, strict=True):
            assert np.array_equal(ours.centroids, theirs.centroids)
            assert np.array_equal(ours.offsets, theirs.offsets)


def test_pruned_groups_leave_a_pruned_tree(tmp_path, leaves):
    read = read_centroids(write_groups(tmp_path / "c", leaves, without=(3, 5, 6, 7, 8, 16)))
    # Groups 5 to 8 are the second branch of the root.
    assert [len(level.centroids) for level in read.levels] == [3, 10]
    assert read.levels[0].offsets.tolist() == [0, 3, 7, 10]
    assert len(read.leaves) == 40
    assert np.array_equal(read.leaves[8:12], leaves[12:16])


def test_an_array_of_whole_groups_that_are_no_power_gives_one_level(tmp_path, leaves):
    np.save(tmp_path / "c.npy", np.concatenate([leaves[:8], leaves[12:]]))  # 15 groups of 4, as 20,544 = 1,712 x 12
    read = read_centroids(tmp_path / "c.npy", branching=4)
    assert [len(level.centroids) for level in read.levels] == [15]


def test_short_and_empty_groups_keep_their_place(tmp_path, leaves):
    folder = write_groups(tmp_path / "c", leaves)
    np.save(folder / "centroids-2.npy", leaves[4:6])
    np.save(folder / "centroids-9.npy", np.zeros((0, DIM), np.float32))
    read = read_centroids(folder)
    assert read.levels[-1].offsets.tolist()[:4] == [0, 4, 6, 10]
    assert len(read.leaves) == 64 - 2 - 4
    reasons = {entry.name: entry.reason for entry in read.ledger.entries}
    assert reasons["centroids-9.npy"] == "an empty group"


def test_a_shuffled_array_stays_flat_and_says_so(tmp_path, leaves):
    np.save(tmp_path / "c.npy", np.random.default_rng(1).permutation(leaves))
    read = read_centroids(tmp_path / "c.npy", branching=4)
    assert read.levels is None
    assert read.ledger.notes[0].startswith("flat: in the order of the file only")


def test_a_number_of_leaves_without_groups_stays_flat_and_says_so(tmp_path, leaves):
    np.save(tmp_path / "c.npy", leaves[:62])
    read = read_centroids(tmp_path / "c.npy", branching=4)
    assert read.levels is None
    assert read.ledger.notes == ["flat: 62 leaves are not groups of 4, so the order does not tell a tree"]


def test_the_leaves_of_a_trained_tree_give_a_tree_back(tmp_path):
    features = np.random.default_rng(4).normal(size=(4000, DIM)).astype(np.float32)
    trained = train_codebook([features], branching=5, depth=3, backbone_hash="b", clip_hash="c")
    np.save(tmp_path / "c.npy", trained.leaves)
    read = read_centroids(tmp_path / "c.npy", branching=5)
    assert [len(level.centroids) for level in read.levels] == [5, 25]
    for ours, theirs in zip(read.levels, trained.levels, strict=True):
        assert np.array_equal(ours.offsets, theirs.offsets)
        assert np.abs(ours.centroids - theirs.centroids).max() < 0.5


def test_without_features_the_spacing_of_the_leaves_stands_in_for_distances(tmp_path, leaves):
    read = read_centroids(write_groups(tmp_path / "c", leaves))
    codebook = make_codebook(read, backbone_hash="b", clip_hash="c")
    apart = np.linalg.norm(leaves[:, None] - leaves[None], axis=-1) + np.diag(np.full(64, np.inf))
    assert codebook.distances[0] == pytest.approx(apart.min(1).min(), rel=1e-3)
    assert codebook.distances[-1] == pytest.approx(apart.min(1).max(), rel=1e-3)
    assert codebook.agreement is None
    assert any("stand-in" in note for note in read.ledger.notes)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_a_row_that_is_not_finite_is_named(tmp_path, leaves, value):
    bad = leaves.astype(np.float64)
    bad[17, 2] = value
    np.save(tmp_path / "c.npy", bad)
    with pytest.raises(ModelError, match=r"row 17 of c\.npy"):
        read_centroids(tmp_path / "c.npy")


@pytest.mark.parametrize(
    "array", [np.zeros(4), np.zeros((0, 4)), np.zeros((4, 0)), np.zeros((2, 2), int), np.zeros((1, 2, 3))], ids=str
)
def test_what_is_no_table_of_centroids_is_refused(tmp_path, array):
    np.save(tmp_path / "c.npy", array)
    with pytest.raises(ModelError):
        read_centroids(tmp_path / "c.npy")


def test_folders_that_are_no_numbered_groups_are_refused(tmp_path, leaves):
    (tmp_path / "none").mkdir()
    with pytest.raises(ModelError, match="numbered centroid files"):
        read_centroids(tmp_path / "none")
    folder = write_groups(tmp_path / "c", leaves)
    np.save(folder / "other-1.npy", leaves[:4])
    with pytest.raises(ModelError, match="of one name"):
        read_centroids(folder)
    (folder / "other-1.npy").unlink()
    np.save(folder / "centroids-3.npy", np.ones((4, DIM + 1)))
    with pytest.raises(ModelError, match="one width"):
        read_centroids(folder)
    np.save(folder / "centroids-3.npy", leaves[:4])
    np.save(folder / "centroids-03.npy", leaves[:4])
    with pytest.raises(ModelError, match="each number once"):
        read_centroids(folder)


def test_a_stray_array_beside_the_groups_is_refused_unless_lenient(tmp_path, leaves):
    folder = write_groups(tmp_path / "c", leaves)
    np.save(folder / "means.npy", leaves)
    with pytest.raises(ModelError, match=r"unexplained: means\.npy"):
        read_centroids(folder)
    assert len(read_centroids(folder, strict=False).leaves) == 64


def test_more_leaves_than_a_codebook_may_have_are_refused(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros((65_537, 1), np.float32))
    with pytest.raises(LimitExceeded, match="65536 leaves"):
        read_centroids(tmp_path / "c.npy")
