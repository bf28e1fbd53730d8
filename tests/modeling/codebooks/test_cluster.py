"""Codebook training: what k-means must hold whatever the data, on disk, by seed, across processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import read_features, write_features
from videobert_modeling.codebooks import kmeans_tree, spool
from videobert_modeling.codebooks.cluster import Clustering, cluster, cluster_files, train_codebook
from videobert_modeling.codebooks.kmeans_tree import Means

HASHES = {"backbone_hash": "b" * 16, "clip_hash": "c" * 16}


def blobs(rows: int, centres: int = 40, dim: int = 16, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(centres, dim)) * 4
    return (middle[rng.integers(0, centres, rows)] + rng.normal(size=(rows, dim))).astype(np.float32)


def error_of(codebook: Codebook, features: npt.NDArray[np.float32]) -> float:
    return float(np.square(codebook.assign(features)[1], dtype=np.float64).mean())


def in_blocks(features: npt.NDArray[np.float32], size: int = 97) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(features), size):
        yield features[start : start + size]


@pytest.fixture(scope="module")
def trained() -> tuple[npt.NDArray[np.float32], Clustering]:
    features = blobs(3000)
    return features, cluster(in_blocks(features), branching=5, depth=3, seed=3, **HASHES)


def test_a_full_tree_has_a_node_for_every_branch(trained):
    _, result = trained
    codebook = result.codebook
    assert len(codebook) == 125
    assert [len(level.centroids) for level in codebook.levels] == [5, 25]
    assert result.unsplit == 0
    codebook.check(**HASHES)


def test_the_objective_falls_with_every_level(trained):
    _, result = trained
    assert len(result.objectives) == 4
    assert all(after < before for before, after in zip(result.objectives, result.objectives[1:], strict=False))


def test_leaves_are_the_means_of_their_rows():
    features = blobs(300)
    codebook = train_codebook([features], branching=31, depth=1, **HASHES)  # too few rows to hold some out
    ids, _ = codebook.assign(features)
    # On one level k-means has come to rest: each leaf is the mean of the rows nearest to it.
    for leaf in range(31):
        mean = features[ids == leaf].mean(axis=0, dtype=np.float64)
        assert np.abs(mean - codebook.leaves[leaf]).max() < 1e-5


@pytest.mark.parametrize("depth", [1, 2])
def test_more_centroids_lower_the_error(depth):
    features = blobs(2000)
    errors = [error_of(train_codebook([features], branching=b, depth=depth, **HASHES), features) for b in (2, 4, 8, 16)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_a_good_clustering_finds_separate_clumps():
    rng = np.random.default_rng(1)
    middle = rng.normal(size=(6, 8)) * 100
    features = (np.repeat(middle, 50, axis=0) + rng.normal(size=(300, 8)) * 0.01).astype(np.float32)
    codebook = train_codebook([features], branching=6, depth=1, **HASHES)
    assert error_of(codebook, features) < 0.01


def test_agreement_and_distances_are_measured_on_the_training_rows(trained):
    features, result = trained
    codebook = result.codebook
    assert result.training_rows + result.held_out_rows == len(features)
    assert result.held_out_rows == len(features) // 10
    assert codebook.samples == result.training_rows
    assert 0.5 < result.held_out_agreement <= 1
    flat, distances = codebook.assign(features)
    tree, _ = codebook.assign(features, "tree")
    overall = codebook.agreement * result.training_rows + result.held_out_agreement * result.held_out_rows
    assert overall == pytest.approx((flat == tree).sum())
    assert codebook.distances[0] >= distances.min()
    assert codebook.percentile(np.median(distances)) == pytest.approx(50, abs=5)


@pytest.mark.parametrize(("rows", "told"), [(9, True), (11, True), (13, False), (200, False)])
def test_a_summary_tells_when_features_are_too_few_for_distances(rows, told):
    result = cluster([blobs(rows)], branching=4, depth=1, **HASHES)
    assert ("hardly more features than leaves" in result.summary) == told


def test_few_rows_are_all_used_for_training():
    result = cluster([blobs(200)], branching=5, depth=3, **HASHES)
    assert result.held_out_rows == 0
    assert result.held_out_agreement is None


def test_a_branch_with_fewer_rows_than_branches_is_not_split_and_reported():
    # 40 rows a long way off: their branch has 5 distinct rows 8 times; the other branch has 3 rows only.
    near = np.repeat(np.eye(5, 8, dtype=np.float32), 8, axis=0)
    far = np.full((3, 8), 1000, np.float32) + np.eye(3, 8, dtype=np.float32)
    result = cluster([near, far], branching=4, depth=3, **HASHES)
    codebook = result.codebook
    assert result.unsplit > 0
    assert "pruned" in result.summary
    assert len(codebook) < 4**3
    tree, _ = codebook.assign(far, "tree")
    assert np.array_equal(tree, codebook.assign(far)[0])
    assert [len(level.offsets) for level in codebook.levels] == [len(level.centroids) + 1 for level in codebook.levels]


def test_more_centroids_than_distinct_rows_gives_one_leaf_for_each():
    distinct = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    codebook = train_codebook([np.tile(distinct, (9, 1))], branching=12, depth=2, **HASHES)
    assert len(codebook) == 7
    assert {row.tobytes() for row in codebook.leaves} == {row.tobytes() for row in distinct}
    assert error_of(codebook, distinct) == 0


def test_rows_that_are_all_equal_give_one_leaf():
    row = np.array([[1.5, -2.25, 1e6]], np.float32)
    result = cluster([np.repeat(row, 50, axis=0)], branching=12, depth=4, **HASHES)
    assert np.array_equal(result.codebook.leaves, row)
    assert result.unsplit == 1
    assert result.objectives[-1] == 0


def test_one_row_is_a_codebook_of_one_leaf():
    codebook = train_codebook([np.ones((1, 3), np.float32)], **HASHES)
    assert codebook.leaves.shape == (1, 3)
    assert codebook.assign(np.zeros((2, 3), np.float32), "tree")[0].tolist() == [0, 0]


def test_a_lone_row_far_away_gets_a_leaf_of_its_own():
    features = np.concatenate([blobs(300, centres=3), np.full((1, 16), 500, np.float32)])
    codebook = train_codebook([features], branching=4, depth=2, **HASHES)
    ids, distances = codebook.assign(features[-1:])
    assert distances[0] == 0
    assert (codebook.assign(features)[0] == ids[0]).sum() == 1


def test_rows_far_from_zero_keep_their_differences():
    features = blobs(400, centres=4) * np.float32(0.01) + np.float32(1000)
    codebook = train_codebook([features], branching=4, depth=1, **HASHES)
    assert error_of(codebook, features) < 0.25 * float(features.var(axis=0, dtype=np.float64).sum())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_a_value_that_cannot_be_clustered_is_named_by_its_place_in_the_stream(value):
    features = blobs(300)
    features[217, 4] = value
    with pytest.raises(InputError, match=r"feature row 217 .*column 4"):
        train_codebook(in_blocks(features, 50), branching=3, depth=1, **HASHES)


def test_a_double_too_large_for_float32_is_refused():
    features = np.ones((4, 2))
    features[2, 1] = 1e200
    with pytest.raises(InputError, match="row 2"):
        train_codebook([features], **HASHES)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_a_value_that_is_not_finite_is_named_whatever_the_type(dtype, value):
    features = blobs(300).astype(dtype)
    features[217, 4] = value
    with pytest.raises(InputError, match=r"feature row 217 .*column 4") as refused:
        train_codebook(in_blocks(features, 50), branching=3, depth=1, **HASHES)
    assert refused.value.seen == pytest.approx(value, nan_ok=True)


@pytest.mark.filterwarnings("error")
def test_the_largest_half_precision_number_is_clustered():
    features = blobs(60).astype(np.float16)
    features[3] = np.finfo(np.float16).max
    codebook = train_codebook([features], branching=2, depth=1, **HASHES)
    assert codebook.leaves.max() == pytest.approx(65504)


@pytest.mark.parametrize(
    "features",
    [
        [],
        [np.zeros((0, 4), np.float32)],
        [np.zeros(4, np.float32)],
        [np.zeros((2, 4), np.int64)],
        [np.zeros((2, 4), np.float32), np.zeros((2, 5), np.float32)],
    ],
    ids=["nothing", "no-rows", "one-dimension", "integers", "mixed-widths"],
)
def test_what_is_not_a_stream_of_features_is_refused(features):
    with pytest.raises(InputError):
        train_codebook(features, **HASHES)


@pytest.mark.parametrize(
    ("branching", "depth", "seed"), [(1, 2, 0), (12, 0, 0), (12, 5, 0), (3, 2, -1), (3, 2, 2**63), (2, 10**12, 0)]
)
def test_sizes_out_of_range_are_refused(branching, depth, seed):
    with pytest.raises(InputError, match="out of range"):
        train_codebook([blobs(10)], branching=branching, depth=depth, seed=seed, **HASHES)


PROCESS = """
import numpy as np
from videobert_modeling.codebooks.cluster import train_codebook
rng = np.random.default_rng(5)
features = rng.normal(size=(2000, 24)).astype(np.float32)
print(train_codebook([features], branching=5, depth=3, seed=11, backbone_hash="b", clip_hash="c").hash)
"""


def test_two_processes_and_any_block_size_give_the_same_codebook():
    features = np.random.default_rng(5).normal(size=(2000, 24)).astype(np.float32)
    ours = train_codebook(in_blocks(features, 33), branching=5, depth=3, seed=11, backbone_hash="b", clip_hash="c").hash
    done = subprocess.run(
        [sys.executable, "-c", PROCESS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2"},
    )
    assert done.stdout.strip() == ours


def test_the_first_clustering_of_a_process_runs_in_one_thread():
    """scikit-learn brings an OpenMP of its own when it is first imported: the limit must reach it then too."""
    code = """
import sys
import numpy as np
from threadpoolctl import threadpool_info
from videobert_modeling.codebooks.cluster import cluster
assert "sklearn" not in sys.modules
seen = set()
def look(stage, done, total):
    if stage == "split" and "sklearn" in sys.modules:
        seen.update((pool["user_api"], pool["num_threads"]) for pool in threadpool_info())
features = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
cluster([features], branching=3, depth=2, seed=0, backbone_hash="b", clip_hash="c", on_progress=look)
print(sorted(seen))
"""
    threads = {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}
    child = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **threads}, capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == "[('blas', 1), ('openmp', 1)]"


def test_another_seed_gives_another_codebook():
    features = np.random.default_rng(5).normal(size=(500, 8)).astype(np.float32)
    hashes = {train_codebook([features], branching=4, depth=2, seed=seed, **HASHES).hash for seed in range(3)}
    assert len(hashes) == 3


def test_a_node_too_large_for_memory_is_split_on_a_sample(monkeypatch):
    features = np.random.default_rng(2).normal(size=(6000, 16)).astype(np.float32)
    whole = cluster([features], branching=8, depth=2, **HASHES)
    monkeypatch.setattr(kmeans_tree, "_FIT_BYTES", 600 * features.itemsize * features.shape[1])
    monkeypatch.setattr(spool, "_BLOCK_BYTES", 256 * features.itemsize * features.shape[1])
    sampled = cluster([features], branching=8, depth=2, **HASHES)
    assert sampled.codebook.hash != whole.codebook.hash
    assert len(sampled.codebook) == len(whole.codebook)
    assert error_of(sampled.codebook, features) < 1.05 * error_of(whole.codebook, features)
    assert list(sampled.objectives) == sorted(sampled.objectives, reverse=True)


def test_memory_does_not_grow_with_the_features(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(kmeans_tree, "_FIT_BYTES", 2**20)
    monkeypatch.setattr(spool, "_BLOCK_BYTES", 2**19)

    def peak(blocks: int) -> int:
        tracemalloc.start()
        features = (blobs(1000, dim=64, seed=i) for i in range(blocks))
        train_codebook(features, branching=4, depth=1, **HASHES)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)  # imports
    small, large = peak(20), peak(120)  # 5 and 31 MB of features
    assert large - small < 100 * 100_000  # 100 bytes for each of the 100,000 rows more
    assert large < 25e6


def test_nothing_is_left_in_the_temporary_directory(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train_codebook([blobs(50)], branching=3, depth=1, **HASHES)
    with pytest.raises(InputError):
        train_codebook([np.full((1, 2), np.nan)], **HASHES)
    assert not list(tmp_path.iterdir())


def test_progress_goes_through_the_stages_and_ends_at_the_total():
    seen: list[tuple[str, int, int | None]] = []
    train_codebook(
        in_blocks(blobs(500), 100), branching=4, depth=2, **HASHES, on_progress=lambda *step: seen.append(step)
    )
    assert [stage for stage, _, _ in seen] == sorted((s for s, _, _ in seen), key=["read", "split", "measure"].index)
    assert ("read", 500, None) in seen
    assert seen[-1] == ("measure", 500, 500)


@pytest.mark.parametrize("dim", [1, 3])
def test_means_count_past_the_integers_of_float32(dim):
    rows = 2**24 + 1000
    block = np.full((2**20, dim), 0.1, np.float32)
    means = Means(2, np.zeros(dim))
    labels = np.ones(len(block), np.int64)
    for start in range(0, rows, len(block)):
        size = min(len(block), rows - start)
        means.add(block[:size], labels[:size])
    assert means.counts.tolist() == [0, rows]
    assert np.abs(means.means[1] / np.float64(np.float32(0.1)) - 1).max() <= 1e-9
    assert means.objectives[1] <= 1e-9 * rows


class TestFeatureFiles:
    def test_files_give_the_same_codebook_as_their_features(self, tmp_path: Path):
        features = blobs(900)
        paths = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
        write_features(paths[0], features[:500], **HASHES)
        write_features(paths[1], features[500:], **HASHES)
        assert np.array_equal(np.concatenate(list(read_features(paths))), features)
        out = tmp_path / "codebook.safetensors"
        result = cluster_files(paths, out, branching=4, depth=2, seed=1)
        saved = Codebook.load(out)
        assert saved.hash == result.codebook.hash
        assert saved.hash == train_codebook([features], branching=4, depth=2, seed=1, **HASHES).hash
        assert saved.agreement == result.codebook.agreement

    def test_half_precision_files_are_read(self, tmp_path: Path):
        features = blobs(100).astype(np.float16)
        write_features(tmp_path / "half.safetensors", features, **HASHES)
        assert np.array_equal(np.concatenate(list(read_features([tmp_path / "half.safetensors"]))), features)

    @pytest.mark.parametrize(
        ("changed", "word"), [({"backbone_hash": "x" * 16}, "backbone"), ({"clip_hash": "x" * 16}, "recipe")]
    )
    def test_features_of_another_backbone_or_recipe_are_refused(self, tmp_path: Path, changed, word):
        write_features(tmp_path / "a.safetensors", blobs(20), **HASHES)
        write_features(tmp_path / "b.safetensors", blobs(20), **(HASHES | changed))
        out = tmp_path / "codebook.safetensors"
        with pytest.raises(MismatchError, match=f"b.safetensors was made with another .*{word}"):
            cluster_files([tmp_path / "a.safetensors", tmp_path / "b.safetensors"], out)
        assert not out.exists()

    def test_features_of_another_width_are_refused(self, tmp_path: Path):
        write_features(tmp_path / "a.safetensors", blobs(20), **HASHES)
        write_features(tmp_path / "b.safetensors", blobs(20, dim=4), **HASHES)
        with pytest.raises(MismatchError, match="width"):
            read_features([tmp_path / "a.safetensors", tmp_path / "b.safetensors"])

    def test_a_file_of_another_kind_is_refused(self, tmp_path: Path):
        from safetensors.numpy import save_file

        save_file({"features": blobs(3)}, tmp_path / "bare.safetensors")
        (tmp_path / "text.safetensors").write_text("no")
        for name in ("bare", "text", "absent"):
            with pytest.raises(ModelError):
                read_features([tmp_path / f"{name}.safetensors"])

    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.filterwarnings("error")
    def test_a_value_that_is_not_finite_is_named_by_file_and_row(self, tmp_path: Path, dtype, value):
        write_features(tmp_path / "a.safetensors", blobs(20).astype(dtype), **HASHES)
        features = blobs(5000).astype(dtype)
        features[4500, 3] = value  # past the first block
        write_features(tmp_path / "b.safetensors", features, **HASHES)
        out = tmp_path / "codebook.safetensors"
        with pytest.raises(InputError, match=r"^feature row 4500 of b\.safetensors .*column 3"):
            cluster_files([tmp_path / "a.safetensors", tmp_path / "b.safetensors"], out, branching=2, depth=1)
        assert not out.exists()

    @pytest.mark.parametrize("shape", [(0, 16), (20, 0), (20,), (4, 5, 16)], ids=str)
    @pytest.mark.parametrize("dtype", ["F16", "F32", "BF16", "F64", "I32", "F8_E4M3"])
    def test_every_other_shape_and_type_is_a_typed_error(self, tmp_path: Path, shape, dtype):
        path = tmp_path / "f.safetensors"
        size = int(np.prod(shape)) * {"F16": 2, "BF16": 2, "F64": 8, "F8_E4M3": 1}.get(dtype, 4)
        metadata = {"format": "videobert-features", "version": "1", **HASHES}
        tensor = {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}
        header = json.dumps({"__metadata__": metadata, "features": tensor}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
        with pytest.raises((ModelError, InputError)) as refused:
            cluster_files([path], tmp_path / "codebook.safetensors")
        if len(shape) != 2 or dtype not in ("F16", "F32"):
            assert "f.safetensors is not a feature file" in str(refused.value)
            assert dtype in str(refused.value)
        assert refused.value.fix

    def test_no_files_are_refused(self):
        with pytest.raises(InputError):
            read_features([])
