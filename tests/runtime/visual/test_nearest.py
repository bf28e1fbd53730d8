"""The native nearest-centroid search, on every path that runs here, against float64 brute force."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from videobert import _native
from videobert.visual.nearest import NearestCentroids, NearestTree, directions, nearest

Array = npt.NDArray[np.float32]
AVAILABLE = _native.cpu_paths()


@pytest.fixture(params=AVAILABLE)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def in_numpy() -> ModuleType:
    """`reference_nearest`, the search in numpy."""
    spec = importlib.util.spec_from_file_location("reference_nearest", Path(__file__).with_name("reference_nearest.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def brute_force(points: Array, centroids: Array) -> npt.NDArray[np.int64]:
    wide = centroids.astype(np.float64)
    return np.array([np.square(point.astype(np.float64) - wide).sum(axis=1).argmin() for point in points], np.int64)


def check(points: Array, centroids: Array, path: str, threads: int | None = None) -> npt.NDArray[np.int64]:
    ids, squared = nearest(points, centroids, threads=threads, path=path)
    np.testing.assert_array_equal(ids, brute_force(points, centroids))
    exact = np.square(points.astype(np.float64) - centroids[ids]).sum(axis=1)
    np.testing.assert_allclose(squared, exact, rtol=1e-12)
    return ids


def normal(seed: int, *shape: int, scale: float = 1.0) -> Array:
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("n", "k", "dim"),
    [
        (0, 5, 3),
        (1, 1, 1),
        (2, 20_736, 1),
        (5, 127, 130),
        (1, 128, 128),
        (63, 129, 127),
        (17, 2049, 257),
        (33, 160, 513),
    ],
)
def test_any_shape(n: int, k: int, dim: int, path: str) -> None:
    check(normal(n, n, dim), normal(k, k, dim), path)


@pytest.mark.parametrize("spread", [0.01, 1.0, 5.0])
def test_what_is_within_a_distance_is_that_of_brute_force(spread: float, path: str) -> None:
    centroids = normal(20, 2304, 256)
    index = NearestCentroids(centroids)
    for number, point in enumerate(centroids[:6] + normal(21, 6, 256, scale=spread)):
        squared = np.square(point.astype(np.float64) - centroids.astype(np.float64)).sum(axis=1)
        order = np.sqrt(np.sort(squared))
        # Between two of them, so that rounding decides nothing: none, the nearest, some, most, all.
        for near in (0, 1, 7, 2000, 2304):
            edges = [0.0, *order, 2 * order[-1]]
            distance = (edges[near] + edges[near + 1]) / 2
            found = index.within(point, distance, path=path)
            np.testing.assert_array_equal(found, np.flatnonzero(squared <= distance**2), f"point {number}")
            assert len(found) == near


def test_within_a_small_codebook_and_a_wrong_point(path: str) -> None:
    index = NearestCentroids(np.array([[0.0, 0], [3, 4], [0, 5]], np.float32))
    assert index.within(np.zeros(2, np.float32), 5.0, path=path).tolist() == [0, 1, 2]
    assert index.within(np.zeros(2, np.float32), 4.999, path=path).tolist() == [0]
    for wrong in (np.zeros(3, np.float32), np.zeros((1, 2), np.float32)):
        with pytest.raises(ValueError, match="centroids' length"):
            index.within(wrong, 1.0, path=path)


@pytest.mark.parametrize("spread", [0.05, 0.7, 2.0], ids=["near", "between", "far"])
def test_projections_only_leave_out_what_is_farther(spread: float, path: str) -> None:
    """From points beside a centroid, where the projections settle nearly all, to points where they settle nothing."""
    centroids = normal(0, 2200, 300)
    points = centroids[::50] + normal(1, 44, 300, scale=spread)
    assert directions(centroids).shape == (127, 300)
    check(points, centroids, path)


def test_the_whole_codebook_of_the_paper_against_numpy(in_numpy: ModuleType) -> None:
    centroids = normal(26, 20_736, 256)
    points = np.concatenate([centroids[::700] + normal(27, 30, 256, scale=0.3), normal(28, 30, 256)])
    wanted, squared = in_numpy.reference_nearest(points, centroids)
    for path in AVAILABLE[1:]:
        found = nearest(points, centroids, path=path)
        np.testing.assert_array_equal(found[0], wanted)
        np.testing.assert_allclose(found[1], squared, rtol=1e-12)


def test_directions_are_orthonormal_and_the_leading_ones() -> None:
    loadings = np.geomspace(1, 1e-3, 256).astype(np.float32)
    centroids = normal(0, 2048, 256) * loadings
    found = directions(centroids)
    np.testing.assert_allclose(found @ found.T, np.eye(127), atol=1e-5)
    assert (found[:, :60] ** 2).sum() > 59
    assert directions(centroids[:100]).shape == (0, 256)


def test_a_flat_codebook_has_directions_too(path: str) -> None:
    centroids = np.ones((2048, 256), np.float32)
    np.testing.assert_array_equal(nearest(normal(0, 5, 256), centroids, path=path)[0], 0)


def test_hundreds_of_near_ties_go_as_in_float64(path: str) -> None:
    """Centroids on a sphere round the point, moved by a few float32 units: all within a few roundings of each other."""
    random = np.random.default_rng(3)
    points = normal(4, 12, 256)
    centroids = []
    for point in points:
        steps = random.normal(size=(200, 256))
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        centroids.append(point + 2 * steps)
    table = np.concatenate(centroids).astype(np.float32)
    wanted = check(points, table, path)
    naive = (np.square(table).sum(axis=1) - 2 * points @ table.T).argmin(axis=1)
    assert (naive != wanted).mean() > 0.3


def test_near_ties_far_from_the_origin(path: str) -> None:
    centre = 1000 + normal(5, 256)
    check(centre + normal(6, 40, 256, scale=1e-3), centre + normal(7, 2100, 256, scale=1e-3), path)


def test_duplicates_go_to_the_lowest_index(path: str) -> None:
    distinct = normal(8, 300, 70)
    table = np.concatenate([distinct[100:], distinct, distinct])
    ids = check(distinct, table, path)
    np.testing.assert_array_equal(ids, [200 + i if i < 100 else i - 100 for i in range(300)])


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-10, 1e10, 1e30, 3e37])
def test_any_magnitude(scale: float, path: str) -> None:
    centroids = normal(9, 2100, 256) * np.float32(scale)
    points = centroids[::100] + normal(10, 21, 256) * np.float32(scale)
    assert np.isfinite(centroids).all()
    check(points, centroids, path)


def test_magnitudes_mixed_in_one_codebook_and_points_far_outside_it(path: str) -> None:
    scales = np.geomspace(1e-30, 1e30, 300).astype(np.float32)[:, None]
    centroids = normal(11, 300, 90) * scales
    check(centroids[::7] * np.float32(1.25), centroids, path)
    check(normal(12, 9, 90) * np.geomspace(1e-38, 1e37, 9).astype(np.float32)[:, None], normal(13, 300, 90), path)


def test_flush_to_zero_of_another_library_changes_nothing(path: str) -> None:
    """torch sets the processor's flush-to-zero mode for the calling thread; distances among denormals must survive."""
    torch = pytest.importorskip("torch")
    centroids = normal(14, 200, 90) * np.float32(1e-41)
    points = normal(15, 9, 90) * np.float32(1e-41)
    wanted = nearest(points, centroids, threads=1, path=path)[0]
    np.testing.assert_array_equal(wanted, brute_force(points, centroids))
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor has no flush-to-zero mode")
    try:
        found = nearest(points, centroids, threads=1, path=path)[0]
    finally:
        torch.set_flush_denormal(False)
    np.testing.assert_array_equal(found, wanted)


def test_every_path_thread_count_and_batch_gives_the_same_bits() -> None:
    centroids = normal(16, 2100, 256)
    points = np.concatenate([centroids[::30] + normal(17, 70, 256, scale=0.2), normal(18, 60, 256)])
    index = NearestCentroids(centroids)
    wanted = index.search(points, threads=1, path="scalar")
    for path in AVAILABLE:
        for threads in (1, 2, 5):
            found = index.search(points, threads=threads, path=path)
            np.testing.assert_array_equal(found[0], wanted[0])
            np.testing.assert_array_equal(found[1], wanted[1])
    for row in (0, 69, 70, 129):
        alone = index.search(points[row : row + 1])
        assert (alone[0][0], alone[1][0]) == (wanted[0][row], wanted[1][row])


def tree_by_hand(points: Array, tables: list[Array], offsets: list[npt.NDArray[np.int64]]) -> list[int]:
    ends = []
    for point in points:
        first, last = 0, len(tables[0])
        for depth, table in enumerate(tables):
            node = first + int(brute_force(point[None], table[first:last])[0])
            if depth < len(offsets):
                first, last = int(offsets[depth][node]), int(offsets[depth][node + 1])
        ends.append(node)
    return ends


def test_a_pruned_tree_is_gone_down_by_the_nearest_child(path: str) -> None:
    random = np.random.default_rng(19)
    sizes = [random.integers(1, 13, 12)]
    sizes.append(random.integers(1, 13, int(sizes[0].sum())))
    tables = [normal(20, 12, 65)]
    for size in sizes:
        tables.append(np.repeat(tables[-1], size, axis=0) + normal(21, int(size.sum()), 65, scale=0.4))
    offsets = [np.concatenate([[0], np.cumsum(size)]).astype(np.int64) for size in sizes]
    points = normal(22, 90, 65)
    tree = NearestTree(tables, offsets)
    for threads in (1, 3):
        ids, squared = tree.search(points, threads=threads, path=path)
        np.testing.assert_array_equal(ids, tree_by_hand(points, tables, offsets))
        np.testing.assert_allclose(squared, np.square(points.astype(np.float64) - tables[-1][ids]).sum(axis=1), 1e-12)
    assert tree.search(points[:0])[0].shape == (0,)


def test_searches_run_side_by_side_and_pack_once() -> None:
    centroids = normal(23, 2100, 256)
    points = [normal(seed, 40, 256) for seed in range(8)]
    index = NearestCentroids(centroids)
    with ThreadPoolExecutor(8) as pool:
        packed = list(pool.map(lambda _: index.packed(), range(8)))
        found = list(pool.map(lambda rows: index.search(rows, threads=2)[0], points))
    assert all(one is packed[0] for one in packed)
    for rows, ids in zip(points, found, strict=True):
        np.testing.assert_array_equal(ids, brute_force(rows, centroids))


def test_other_python_threads_run_during_a_search() -> None:
    index = NearestCentroids(normal(24, 4000, 128))
    points = normal(25, 2000, 128)
    index.search(points[:1])
    turns, done = [time.perf_counter()], threading.Event()

    def take_turns() -> None:
        # Never asleep, so that nothing but a search that keeps it out can do so for long: no timer, no late waking.
        while not done.is_set():
            now = time.perf_counter()
            if now - turns[-1] > 0.001:
                turns.append(now)

    other = threading.Thread(target=take_turns)
    other.start()
    searches = [(0.0, 0.0, 0)]
    try:
        # Where others are at work a thread may wait for its turn: one that is kept out by a search never has it.
        while len(searches) < 60 and searches[-1][2] <= 5:
            began = time.perf_counter()
            index.search(points, threads=1, path="scalar")
            ended = time.perf_counter()
            # Its ends are left out: there the other thread may be handed the interpreter by Python itself.
            quarter = (ended - began) / 4
            searches.append((began, ended, sum(began + quarter < turn < ended - quarter for turn in list(turns))))
    finally:
        done.set()
        other.join()
    assert searches[-1][2] > 5, (len(turns), searches[1:])


def test_omp_num_threads_is_obeyed() -> None:
    code = (
        "import numpy as np, os, threading; from videobert.visual.nearest import NearestCentroids; import time\n"
        "table = np.random.default_rng(0).normal(size=(4096, 128)).astype(np.float32)\n"
        "index = NearestCentroids(table); index.packed()\n"
        "points = np.zeros((3000, 128), np.float32); before = len(os.listdir('/proc/self/task')); most = [0]\n"
        "done = threading.Event()\n"
        "def watch():\n"
        "    while not done.is_set(): most[0] = max(most[0], len(os.listdir('/proc/self/task'))); time.sleep(0.0005)\n"
        "watcher = threading.Thread(target=watch); watcher.start()\n"
        # On a busy machine the watcher can miss the threads of one search, or of several.
        "for turn in range(60):\n"
        "    index.search(points, path='scalar')\n"
        "    if turn > 3 and most[0] - before - 1 >= int(os.environ['OMP_NUM_THREADS']) - 1: break\n"
        "done.set(); watcher.join(); print(most[0] - before - 1)"
    )
    started = {count: int(child(code, OMP_NUM_THREADS=count)) for count in ("1", "3")}
    assert started == {"1": 0, "3": 2}


def child(code: str, **environment: str) -> str:
    env = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_environment_forces_a_path(path: str) -> None:
    code = (
        "import numpy as np; from videobert.base.cpu_path import cpu_path; "
        "from videobert.visual.nearest import nearest; r = np.random.default_rng(0); "
        "c = r.normal(size=(300, 90)).astype(np.float32); x = c[::9] + r.normal(size=(34, 90)).astype(np.float32); "
        "print(cpu_path(), *nearest(x, c)[0])"
    )
    random = np.random.default_rng(0)
    centroids = random.normal(size=(300, 90)).astype(np.float32)
    points = centroids[::9] + random.normal(size=(34, 90)).astype(np.float32)
    said = child(code, VIDEOBERT_CPU=path).split()
    assert said[0] == path
    np.testing.assert_array_equal([int(word) for word in said[1:]], brute_force(points, centroids))


def test_a_tree_whose_levels_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="offsets"):
        NearestTree([normal(0, 2, 4), normal(1, 3, 4)], [np.array([0, 3, 3])])
