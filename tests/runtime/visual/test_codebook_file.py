"""Codebook files: what is written comes back; what is damaged is a typed error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from videobert.base.errors import ModelError
from videobert.visual.codebook import Codebook, Level


@pytest.fixture
def codebook() -> Codebook:
    random = np.random.default_rng(0)
    levels = (Level(random.normal(size=(2, 8)).astype(np.float32), np.array([0, 2, 5], np.int64)),)
    return Codebook(
        leaves=random.normal(size=(5, 8)).astype(np.float32),
        levels=levels,
        distances=np.arange(11, dtype=np.float32),
        backbone_hash="b" * 16,
        clip_hash="c" * 16,
        agreement=0.875,
        seed=7,
        samples=1000,
    )


def test_a_saved_codebook_comes_back_whole(codebook: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.safetensors"
    codebook.save(path)
    loaded = Codebook.load(path)
    assert loaded.hash == codebook.hash
    assert (loaded.agreement, loaded.seed, loaded.samples) == (0.875, 7, 1000)
    assert loaded.levels is not None
    np.testing.assert_array_equal(loaded.levels[0].offsets, [0, 2, 5])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_content_that_was_read_already_is_taken_as_it_is(codebook: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.safetensors"
    codebook.save(path)
    content = path.read_bytes()
    path.write_bytes(b"something else")
    assert Codebook.from_bytes(content).hash == codebook.hash
    with pytest.raises(ModelError, match="not a codebook that can be read"):
        Codebook.from_bytes(content[:-1])


def test_the_same_codebook_is_the_same_file_to_the_byte(codebook: Codebook, tmp_path: Path) -> None:
    for number in range(8):
        codebook.save(tmp_path / str(number))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_a_view_is_saved_by_value(codebook: Codebook, tmp_path: Path) -> None:
    leaves = np.asfortranarray(codebook.leaves)
    Codebook(leaves=leaves, distances=codebook.distances, backbone_hash="b", clip_hash="c").save(tmp_path / "c")
    np.testing.assert_array_equal(Codebook.load(tmp_path / "c").leaves, codebook.leaves)


def test_two_hundred_damaged_files_are_read_or_refused_with_a_typed_error(codebook: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.safetensors"
    codebook.save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    refused = 0
    for _ in range(200):
        content = bytearray(whole)
        kind = random.integers(3)
        if kind == 0:
            del content[random.integers(len(content)) :]
        elif kind == 1:
            # The header is where a parser goes wrong.
            content[random.integers(min(len(content), 700))] ^= 1 << random.integers(8)
        else:
            position = random.integers(len(content))
            content[position : position + 4] = random.bytes(4)
        path.write_bytes(content)
        try:
            loaded = Codebook.load(path)
        except ModelError:
            refused += 1
        else:
            assert np.isfinite(loaded.leaves).all()
    assert refused > 60


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("leaves", np.ones((5, 8), np.float64)),
        ("leaves", np.full((5, 8), np.nan, np.float32)),
        ("leaves", np.ones((0, 8), np.float32)),
        ("leaves", np.ones((65_537, 1), np.float32)),
        ("distances", np.array([2, 1], np.float32)),
        ("distances", np.array([-1, 1], np.float32)),
        ("levels.0.centroids", np.ones((2, 7), np.float32)),
        ("levels.0.offsets", np.array([0, 2, 6])),
        ("levels.1.centroids", np.ones((2, 8), np.float32)),
        ("payload", np.ones(1, np.float32)),
    ],
)
def test_a_file_with_tensors_that_do_not_fit_is_refused(
    codebook: Codebook, tmp_path: Path, name: str, array: np.ndarray
) -> None:
    path = tmp_path / "codebook.safetensors"
    assert codebook.levels is not None
    tensors = {
        "leaves": codebook.leaves,
        "distances": codebook.distances,
        "levels.0.centroids": codebook.levels[0].centroids,
        "levels.0.offsets": codebook.levels[0].offsets,
        name: array,
    }
    metadata = {"format": "videobert-codebook-1", "tree": "true", "agreement": "null", "seed": "1", "samples": "0"}
    save_file(tensors, path, metadata | {"backbone_hash": '"b"', "clip_hash": '"c"'})
    with pytest.raises(ModelError, match="codebook"):
        Codebook.load(path)


def test_a_header_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "codebook.safetensors"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError, match="header of 1099511627776 bytes"):
        Codebook.load(path)


def test_metadata_of_the_wrong_kind_is_refused(codebook: Codebook, tmp_path: Path) -> None:
    path = tmp_path / "codebook.safetensors"
    good = {"format": "videobert-codebook-1", "tree": "false", "agreement": "null", "seed": "1", "samples": "0"}
    good |= {"backbone_hash": '"b"', "clip_hash": '"c"'}
    tensors = {"leaves": codebook.leaves, "distances": codebook.distances}
    save_file(tensors, path, good)
    assert Codebook.load(path).levels is None
    for key, value in (
        ("format", "pickle"),
        ("seed", '"1"'),
        ("backbone_hash", "3"),
        ("agreement", "2"),
        ("tree", "{"),
    ):
        save_file(tensors, path, good | {key: value})
        with pytest.raises(ModelError):
            Codebook.load(path)
    save_file(tensors, path, {key: value for key, value in good.items() if key != "samples"})
    with pytest.raises(ModelError, match="samples"):
        Codebook.load(path)


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a codebook that can be read"):
        Codebook.load(tmp_path / "none.safetensors")
