"""`nearest_centroid`, interpreted or on a GPU, and its plain reference, against float64 brute force."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid import nearest_centroid, pack_centroids

pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),  # the interpreter, at infinities
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]
BF16 = pytest.param(torch.bfloat16, marks=pytest.mark.needs_cuda)
BACKENDS = ["triton", "reference"]


def brute_force(points: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Labels (ties to the lowest index), distances and margins in float64."""
    wide = centroids.double()
    squared = torch.stack([(wide - point.double()).square().sum(dim=1) for point in points])
    ordered, index = squared.sort(dim=1, stable=True)
    distance = ordered.sqrt()
    second = distance[:, 1] if len(centroids) > 1 else torch.full_like(distance[:, 0], torch.inf)
    return index[:, 0].int(), distance[:, 0], second - distance[:, 0]


def check(points: Tensor, centroids: Tensor, backend: str, device: str, dtype: torch.dtype = torch.float16) -> None:
    """Labels are float64's; a distance is off by at most four fp32 rounding units."""
    labels, distances, _ = brute_force(points, centroids)
    packed = pack_centroids(centroids.to(device), dtype)
    found = nearest_centroid(points.to(device), packed, return_distance=True, backend=backend)
    assert found[0].dtype == torch.int32
    assert torch.equal(found[0].cpu(), labels)
    torch.testing.assert_close(found[1].cpu().double(), distances, rtol=2.0**-22, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, BF16])
@pytest.mark.parametrize(
    ("rows", "count", "dim"),
    [(1, 1, 1), (1, 7, 16), (17, 129, 33), (63, 65, 100), (65, 301, 40), (127, 64, 130)],
    ids=str,
)
def test_labels_are_those_of_brute_force(
    rows: int, count: int, dim: int, dtype: torch.dtype, backend: str, device: str
) -> None:
    check(torch.randn(rows, dim).to(dtype), torch.randn(count, dim), backend, device)


@pytest.mark.parametrize("dtype", [torch.float16, BF16])
def test_many_rows(dtype: torch.dtype, device: str) -> None:
    check(torch.randn(513, 16), torch.randn(40, 16), "triton", device, dtype)


def test_a_codebook_of_the_paper_s_size(device: str) -> None:
    check(torch.randn(2, 8), torch.randn(20_736, 8), "triton", device)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_points(backend: str, device: str) -> None:
    packed = pack_centroids(torch.randn(5, 12, device=device))
    found = nearest_centroid(
        torch.empty(0, 12, device=device), packed, return_distance=True, return_margin=True, backend=backend
    )
    assert [(each.shape, each.dtype) for each in found] == [
        ((0,), torch.int32),
        ((0,), torch.float32),
        ((0,), torch.float32),
    ]


@pytest.mark.parametrize("rows", [3, 66])
def test_hundreds_of_centroids_within_the_coarse_rounding(rows: int, device: str) -> None:
    """Half precision cannot tell 400 centroids apart, in several tiles; each is the nearest of some point."""
    close = torch.randn(48) + 1e-5 * torch.randn(400, 48)
    centroids = torch.cat([close[:150], torch.randn(60, 48), close[150:]])
    packed = pack_centroids(centroids.to(device))
    twins = torch.cat([packed.coarse[:150], packed.coarse[210:460]])
    assert (twins.float() - twins[:1].float()).abs().max() <= 2 * 2.0**-11, "the test's premise"
    points = close[torch.randperm(400)[:rows]] + 2e-6 * torch.randn(rows, 48)
    labels = brute_force(points, centroids)[0]
    assert len(labels.unique()) > rows // 2, "the test's premise"
    assert torch.equal(nearest_centroid(points.to(device), packed, backend="triton").cpu(), labels)


@pytest.mark.parametrize("backend", BACKENDS)
def test_near_ties_within_the_rounding_of_fp32(backend: str, device: str) -> None:
    """Distances of about 8 that differ by some 1e-9: fp32 sums of 64 squares cannot order them."""
    base = torch.randn(64)
    one_step = torch.nextafter(base, torch.full((64,), 9.0))
    centroids = torch.where(torch.eye(64, dtype=torch.bool), one_step, base).repeat(2, 1)[:100]
    points = base + torch.randn(6, 64)
    squared = (centroids - points[0]).square().sum(dim=1)
    assert (squared.max() - squared.min()) / squared.min() < 70 * 2.0**-24, "the test's premise"
    check(points, centroids, backend, device)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rows", [5, 65])
def test_equal_distances_go_to_the_lowest_index(rows: int, backend: str, device: str) -> None:
    """Whole numbers, so that distances are exact; every centroid has a double in its own tile and in another one."""
    centroids = torch.randint(-2, 3, (90, 6)).float().repeat(3, 1)
    points = torch.randint(-2, 3, (rows, 6)).float()
    squared = (points[:, None] - centroids).square().sum(dim=2)
    assert ((squared == squared.min(dim=1, keepdim=True).values).sum(dim=1) >= 3).all(), "the test's premise"
    check(points, centroids, backend, device)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("points_scale", "codebook_scale"),
    [(1e-30, 1e-30), (1e-42, 1e-42), (1e15, 1e15), (1e30, 1e30), (1e7, 1e-3), (1e-20, 1e3), (3e38, 3e38)],
    ids=str,
)
def test_magnitudes_that_half_precision_does_not_hold(
    points_scale: float, codebook_scale: float, backend: str, device: str
) -> None:
    points = (torch.rand(4, 20) * 2 - 1) * points_scale
    centroids = (torch.rand(70, 20) * 2 - 1) * codebook_scale
    labels, distances, _ = brute_force(points, centroids)
    found = nearest_centroid(
        points.to(device), pack_centroids(centroids.to(device)), return_distance=True, backend=backend
    )
    assert torch.equal(found[0].cpu(), labels)
    expected = distances.clamp(max=torch.finfo(torch.float32).max)
    torch.testing.assert_close(found[1].cpu().double(), expected, rtol=2.0**-22, atol=1e-45)


def test_points_so_far_out_that_float64_sees_ties(device: str) -> None:
    check(torch.full((2, 20), 1e32), torch.randn(70, 20) * 1e-3, "triton", device)


@pytest.mark.parametrize("rows", [4, 65])
def test_data_far_from_the_origin(rows: int, device: str) -> None:
    """Without the center every coarse score would be cancellation; with it few candidates are left."""
    check(torch.randn(rows, 40) + 3e4, torch.randn(200, 40) + 3e4, "triton", device)


def test_one_centroid_far_from_all_others(device: str) -> None:
    centroids = torch.randn(200, 24)
    centroids[77] = 1e6
    check(torch.cat([torch.randn(5, 24), torch.full((1, 24), 9e5)]), centroids, "triton", device)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rows", [6, 66])
def test_points_that_are_not_finite_have_no_label(rows: int, backend: str, device: str) -> None:
    points, centroids = torch.randn(rows, 20), torch.randn(30, 20)
    labels, _, _ = brute_force(points, centroids)
    points[1, 3], points[2, 0], points[4, 19] = torch.nan, torch.inf, -torch.inf
    bad = torch.tensor([1, 2, 4])
    labels[bad] = -1
    found, distances, margins = nearest_centroid(
        points.to(device),
        pack_centroids(centroids.to(device)),
        return_distance=True,
        return_margin=True,
        backend=backend,
    )
    assert torch.equal(found.cpu(), labels)
    for values in (distances.cpu(), margins.cpu()):
        assert torch.equal(values.isnan().nonzero().flatten(), bad)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("rows", "count"), [(9, 1), (9, 2), (9, 150), (65, 140)])
def test_margins(rows: int, count: int, backend: str, device: str) -> None:
    points, centroids = torch.randn(rows, 24), torch.randn(count, 24)
    centroids[count // 2] = centroids[0]
    labels, distances, margins = brute_force(points, centroids)
    packed = pack_centroids(centroids.to(device))
    found = nearest_centroid(points.to(device), packed, return_distance=True, return_margin=True, backend=backend)
    assert torch.equal(found[0].cpu(), labels)
    torch.testing.assert_close(found[1].cpu().double(), distances, rtol=2.0**-22, atol=0)
    torch.testing.assert_close(found[2].cpu().double(), margins, rtol=2.0**-22, atol=1e-14)
    alone = nearest_centroid(points.to(device), packed, return_margin=True, backend=backend)
    assert len(alone) == 2
    assert torch.equal(alone[1], found[2])


def test_a_row_does_not_depend_on_the_others_and_a_call_not_on_the_one_before(device: str) -> None:
    points, packed = torch.randn(70, 36, device=device), pack_centroids(torch.randn(150, 36, device=device))
    together = nearest_centroid(points, packed, return_distance=True, backend="triton")
    again = nearest_centroid(points, packed, return_distance=True, backend="triton")
    assert all(torch.equal(one, other) for one, other in zip(together, again, strict=True))
    alone = torch.cat([nearest_centroid(points[i : i + 1], packed, backend="triton") for i in (0, 31, 69)])
    assert torch.equal(alone, together[0][[0, 31, 69]])


def test_rows_may_have_gaps_between_them(device: str) -> None:
    wide, centroids = torch.randn(12, 50), torch.randn(20, 25)
    check(wide[:, ::2], centroids, "triton", device)


@pytest.mark.parametrize("dtype", [torch.float16, BF16])
def test_the_bounds_hold(dtype: torch.dtype, device: str) -> None:
    """Best scores of tiles against the true ones: no farther off than the bound that the codebook and points carry."""
    from videobert_kernels.ops.nearest_centroid.plan import plan

    points, centroids = 3 * torch.randn(20, 70) + 5, torch.randn(190, 70) * torch.rand(190, 1) + 5
    packed = pack_centroids(centroids.to(device), dtype)
    work = plan(20, 190, 70, None, coarse="fp16" if dtype is torch.float16 else "bf16", exponent=packed.exponent)
    memory = {"points": points.to(device), "codebook": packed.coarse, "norms": packed.norms, "center": packed.center}
    memory |= {"coarse": torch.zeros(20, 128, dtype=dtype, device=device), "stats": torch.zeros(3, 20, device=device)}
    memory |= {name: torch.zeros(20, 3, device=device) for name in ("first", "second")}
    for launch in work.launches[:2]:
        kernel = launch.variant.load()
        kernel[launch.grid](
            *[memory[a] if isinstance(a, str) else a for a in launch.arguments], **launch.variant.constants
        )
    shifted = (centroids.double() - packed.center.cpu().double()) * 2.0**-packed.exponent
    moved = (points.double() - packed.center.cpu().double()) * 2.0**-packed.exponent
    true = shifted.square().sum(dim=1) - 2 * moved @ shifted.T
    best = torch.stack([tile.min(dim=1).values for tile in true.split(64, dim=1)], dim=1)
    stats, bounds = memory["stats"].cpu().double(), packed.bounds[:, :3].cpu().double()
    bound = bounds[0] + stats[1][:, None] * bounds[1] + stats[2][:, None] * bounds[2]
    off = (memory["first"].cpu().double() - best).abs()
    assert (off <= bound).all()
    assert (bound < 0.1 * (best.max() - best.min())).all(), "a bound that leaves everything open bounds nothing"


def test_the_reference_is_exact_where_torch_may_round_operands(device: str) -> None:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        check(torch.randn(64, 128), torch.randn(1, 128) + 0.01 * torch.randn(300, 128), "reference", device)
    finally:
        torch.set_float32_matmul_precision(before)


def test_wrong_points_are_refused(device: str) -> None:
    packed = pack_centroids(torch.randn(5, 12, device=device))
    for points in (torch.randn(3, 11), torch.randn(12), torch.zeros(3, 12, dtype=torch.float64)):
        with pytest.raises(KernelError, match="points do not fit"):
            nearest_centroid(points.to(device), packed)
    with pytest.raises(KernelError, match="not where the centroids are"):
        nearest_centroid(torch.empty(3, 12, device="meta"), packed)
    with pytest.raises(KernelError, match="backend is not known"):
        nearest_centroid(torch.randn(3, 12, device=device), packed, backend="fast")  # type: ignore[arg-type]


def test_wrong_codebooks_are_refused() -> None:
    for wrong in (torch.randn(4), torch.empty(0, 4), torch.zeros(4, 4, dtype=torch.float64)):
        with pytest.raises(KernelError, match="centroids cannot be used"):
            pack_centroids(wrong)
    with pytest.raises(KernelError, match="not finite"):
        pack_centroids(torch.tensor([[1.0, torch.inf]]))
    with pytest.raises(KernelError, match="coarse search does not run"):
        pack_centroids(torch.randn(4, 4), torch.float32)
    with pytest.raises(KernelError, match="too large"):
        pack_centroids(torch.zeros(1, 16_385))
