"""What is planned is what is shipped; and the operators work inside compiled and exported programs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from videobert_kernels.errors import KernelError
from videobert_kernels.ops.nearest_centroid import nearest_centroid, nearest_centroid_tree, pack_centroids, pack_tree
from videobert_kernels.ops.nearest_centroid.configs import COARSE_DTYPES, POINT_DTYPES, variants
from videobert_kernels.ops.nearest_centroid.plan import Launches, plan, plan_tree
from videobert_kernels.variant import CAPABILITIES

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
ROWS = (1, 16, 17, 33, 64, 65, 513, 4096, 65_536)


def planned(capability: int) -> list[Launches]:
    """Plans with every choice that a plan depends on."""
    found = []
    for points in POINT_DTYPES:
        for margin in (False, True):
            found.append(plan_tree(7, 40, 10, 2, 100, capability, points=points, margin=margin))
            for coarse in COARSE_DTYPES:
                for rows in ROWS:
                    for count in (1, 20_736, 65_536):
                        work = plan(rows, count, 100, capability, points=points, coarse=coarse, margin=margin)
                        found.append(work)
    return found


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_every_planned_kernel_is_shipped_and_every_shipped_kernel_is_planned(capability: int) -> None:
    shipped = {each.name: each for each in variants() if capability in each.capabilities}
    used = {launch.variant.name: launch.variant for work in planned(capability) for launch in work.launches}
    assert set(used) == set(shipped)
    for name, variant in used.items():
        assert (variant.constants, variant.warps, variant.stages, variant.arguments) == (
            shipped[name].constants,
            shipped[name].warps,
            shipped[name].stages,
            shipped[name].arguments,
        )


def test_a_plan_is_complete(device: str) -> None:
    """Launches name declared buffers, give every argument, cover every row and tile, and read nothing unwritten."""
    for work in planned(90):
        declared = {buffer.name: buffer for buffer in work.buffers}
        written = {buffer.name for buffer in work.buffers if buffer.role == "input"}
        for launch in work.launches:
            assert len(launch.arguments) == len(launch.variant.arguments)
            for value, kind in zip(launch.arguments, launch.variant.arguments.values(), strict=True):
                assert isinstance(value, str) == kind.startswith("*")
                if isinstance(value, str):
                    assert kind == f"*{declared[value].dtype}"
            written |= {name for name in launch.arguments if isinstance(name, str)}
        assert written == set(declared)
    work = plan(300, 1000, 100, 90)
    grids = [launch.grid[0] for launch in work.launches]
    assert grids == [300, 3 * 8, 300]
    assert {b.name: b.bytes for b in work.buffers}["coarse"] == 300 * 128 * 2
    assert plan(0, 10, 10, 90).launches == ()


@pytest.mark.parametrize("sizes", [(-1, 5, 5), (1, 0, 5), (1, 65_537, 5), (1, 5, 0), (1, 5, 16_385)])
def test_sizes_out_of_range_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(KernelError, match="not a search that can be planned"):
        plan(*sizes, 90)


def test_compiled_and_exported_programs_give_the_same_answers(device: str) -> None:
    packed = pack_centroids(torch.randn(40, 20, device=device))
    leaves = torch.randn(6, 20, device=device)
    tree = pack_tree([(torch.randn(2, 20, device=device), torch.tensor([0, 2, 6]))], leaves)

    class Both(torch.nn.Module):
        def forward(self, points: Tensor) -> tuple[Tensor, ...]:
            flat = nearest_centroid(points, packed, return_distance=True, return_margin=True)
            return (*flat, nearest_centroid_tree(points, tree))

    points = torch.randn(9, 20, device=device)
    expected = Both()(points)
    compiled = torch.compile(Both(), fullgraph=True, backend="eager")(points)
    rows = torch.export.Dim("rows", min=1, max=4096)
    exported = torch.export.export(Both(), (points,), dynamic_shapes=({0: rows},)).module()
    for found in (compiled, exported(points)):
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert torch.equal(exported(points[:3])[0], expected[0][:3])


@pytest.mark.parametrize("margin", [False, True])
def test_the_operators_trace_without_data(margin: bool, device: str) -> None:
    packed = pack_centroids(torch.randn(20, 12, device=device))
    points = torch.randn(5, 12, device=device)
    tables = (packed.centroids, packed.coarse, packed.norms, packed.center, packed.bounds)
    torch.library.opcheck(
        torch.ops.videobert_kernels.nearest_centroid.default,
        (points, *tables, packed.exponent, margin, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )
    tree = pack_tree([], packed.centroids)
    torch.library.opcheck(
        torch.ops.videobert_kernels.nearest_centroid_tree.default,
        (points, tree.nodes, tree.children, tree.depth, tree.leaves, margin, "reference"),
        test_utils=("test_schema", "test_faketensor"),
    )
