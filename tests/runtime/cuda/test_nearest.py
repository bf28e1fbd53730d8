"""Following a stored launch plan on a driver that does what the kernels are said to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import DeviceError, InputError, MismatchError, ModelError
from videobert.cuda.cubin_library import CubinLibrary
from videobert.cuda.kernels_sidecar import Ceil, size_of
from videobert.cuda.nearest import CudaNearest


@pytest.fixture
def nearest(folder: Path, deciding: Any, codebook_hash: str) -> CudaNearest:
    return CudaNearest(deciding, CubinLibrary(deciding, folder), codebook_hash)


def points(count: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(count).normal(size=(count, 4)).astype(np.float32)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 20, 21, 65])
def test_answers_are_those_of_the_kernels_for_any_number_of_rows(
    count: int, nearest: CudaNearest, centroids: npt.NDArray[np.float32]
) -> None:
    features = points(count)
    ids, distances = nearest.assign(features)
    assert (ids.dtype, ids.shape, distances.dtype, distances.shape) == (np.int32, (count,), np.float32, (count,))
    expected = np.sqrt(((features[:, None] - centroids) ** 2).sum(axis=2))
    np.testing.assert_array_equal(ids, expected.argmin(axis=1) if count else [])
    np.testing.assert_array_equal(distances, expected.min(axis=1) if count else [])


def test_launches_follow_the_plan_for_the_number_of_rows(nearest: CudaNearest, deciding: Any) -> None:
    for count, expected in {
        3: [("clear_kernel", (3, 2, 1)), ("decide_kernel", (1, 1, 1))],
        8: [("clear_kernel", (3, 2, 1)), ("decide_kernel", (2, 1, 1))],
        9: [("decide_kernel", (3, 1, 1))],
        41: [
            ("decide_kernel", (5, 1, 1)),
            ("decide_kernel", (5, 1, 1)),
            ("clear_kernel", (3, 2, 1)),
            ("decide_kernel", (1, 1, 1)),
        ],
    }.items():
        deciding.calls.clear()
        nearest.assign(points(count))
        assert [call[1:3] for call in deciding.named("launch")] == expected


def test_one_call_uploads_launches_downloads_and_waits_in_this_order(nearest: CudaNearest, deciding: Any) -> None:
    deciding.calls.clear()
    nearest.assign(points(9))
    work = [call[0] for call in deciding.calls if call[0] not in {"allocate", "pinned", "load"}]
    assert work == ["upload", "launch", "download", "download", "synchronize"]


def test_a_steady_size_allocates_nothing(nearest: CudaNearest, deciding: Any) -> None:
    nearest.assign(points(20))
    deciding.calls.clear()
    for count in (20, 1, 9, 20):
        nearest.assign(points(count))
    later = [call[0] for call in deciding.calls]
    # Up to 8 rows there is a scratch buffer that 20 rows do not need.
    assert later.count("allocate") == 1
    assert "pinned" not in later
    assert later.count("load") == 1


def test_a_buffer_that_grows_gives_the_old_one_back(nearest: CudaNearest, deciding: Any) -> None:
    nearest.assign(points(1))
    held = len([buffer for buffer in deciding.buffers if not buffer.freed])
    for count in (2, 4, 8, 16, 20):
        nearest.assign(points(count))
    assert len([buffer for buffer in deciding.buffers if not buffer.freed]) == held


def test_the_centroids_are_uploaded_once(nearest: CudaNearest, deciding: Any, centroids: Any) -> None:
    assert [call[2] for call in deciding.named("upload")] == [centroids.nbytes]
    assert bytes(deciding.buffers[0].memory) == centroids.tobytes()


@pytest.mark.parametrize("wrong", [np.zeros((2, 5), np.float32), np.zeros((2, 4), np.float64), np.zeros(4, np.float32)])
def test_features_that_do_not_fit_are_bad_input(wrong: npt.NDArray[Any], nearest: CudaNearest) -> None:
    with pytest.raises(InputError, match=r"do not fit this codebook.*float32 \(n, 4\)"):
        nearest.assign(wrong)


def test_rows_of_a_larger_array_are_taken_as_they_are(nearest: CudaNearest) -> None:
    wide = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    np.testing.assert_array_equal(nearest.assign(wide[:, ::2])[0], nearest.assign(wide[:, ::2].copy())[0])


def test_another_codebook_or_method_is_refused(folder: Path, driver: Any, codebook_hash: str) -> None:
    library = CubinLibrary(driver, folder)
    with pytest.raises(MismatchError, match="built for another codebook"):
        CudaNearest(driver, library, "fedcba9876543210")
    with pytest.raises(ModelError, match="no such search; got tree; allowed: flat"):
        CudaNearest(driver, library, codebook_hash, method="tree")
    assert driver.calls == []


@pytest.mark.parametrize("call", ["upload", "launch", "download", "allocate"])
def test_a_failing_device_is_an_error_and_the_lock_is_free_again(
    call: str, nearest: CudaNearest, deciding: Any
) -> None:
    deciding.fails = call
    with pytest.raises(DeviceError):
        nearest.assign(points(3))
    deciding.fails = None
    assert len(nearest.assign(points(3))[0]) == 3


def test_sizes_cover_the_rows() -> None:
    assert [Ceil(every=8, times=3).of(rows) for rows in (0, 1, 8, 9)] == [0, 3, 3, 6]
    assert size_of(5, 1000) == 5
