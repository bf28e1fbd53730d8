"""The plugins' kernels: what they compute in TensorRT's parameter order, and the machine code that a plan embeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import videobert_kernels
from videobert_kernels import KernelError, PackedCentroids, attention, nearest_centroid, pack_centroids
from videobert_kernels.compile.compilation import CompileError
from videobert_kernels.ops.nearest_centroid.plan import plan
from videobert_kernels.tensorrt_plugins import pieces, register_plugins
from videobert_kernels.tensorrt_plugins.machine_code import without_hidden
from videobert_kernels.variant import FP_FUSION

HERE = Path(__file__).parent


def launch(piece: pieces.Piece, programs: int, tensors: Mapping[str, torch.Tensor], sizes: Mapping[str, int]) -> None:
    """What TensorRT does with a piece: parameters in the order of its kernel, tensors and integers alone."""
    variant = piece.candidates[0]
    given = {**piece.integers, **sizes, **tensors}
    variant.load()[(programs,)](
        *(given[name] for name in variant.arguments),
        **variant.constants,
        num_warps=variant.warps,
        num_stages=variant.stages,
        enable_fp_fusion=FP_FUSION,
    )


def chained(points: torch.Tensor, packed: PackedCentroids, most_rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels and distances by the three plugins, with buffers of the shapes that they declare."""
    rows, dim = points.shape
    device = points.device
    kind = {torch.float32: "fp32", torch.float16: "fp16"}[points.dtype]
    padded_dim = packed.coarse.shape[1]
    coarse = torch.empty((rows, padded_dim), dtype=torch.float16, device=device)
    stats = torch.empty((3, rows), device=device)
    launch(
        pieces.prepare(kind, dim, packed.exponent, 90),
        rows,
        {"points": points, "center": packed.center, "coarse": coarse, "stats": stats},
        {"rows": rows},
    )
    search = pieces.search(most_rows, len(packed), padded_dim, 90)
    tiles = pieces.tiles(most_rows, len(packed))
    first, second = (torch.empty((rows, tiles), device=device) for _ in range(2))
    tensors = {"coarse": coarse, "codebook": packed.coarse, "norms": packed.norms, "stats": stats}
    height = search.candidates[0].constants["BLOCK_ROWS"]
    programs = tiles if pieces.is_bounded(most_rows) else -(-rows // height) * tiles
    launch(search, programs, {**tensors, "first": first, "second": second}, {"rows": rows})
    labels = torch.empty((rows,), dtype=torch.int32, device=device)
    distances = torch.empty((rows,), device=device)
    tensors = {"points": points, "centroids": packed.centroids, "bounds": packed.bounds, "stats": stats}
    tensors |= {"first": first, "second": second, "labels": labels, "distances": distances}
    launch(pieces.rescore(kind, most_rows, len(packed), dim, 90), rows, tensors, {"rows": rows})
    return labels, distances


@pytest.mark.parametrize(("most_rows", "dtype"), [(16, torch.float32), (1000, torch.float16)])
def test_the_chain_gives_the_exact_nearest_centroid(device: str, most_rows: int, dtype: torch.dtype) -> None:
    packed = pack_centroids(torch.randn(200, 70, device=device) * 0.1 + 3)
    points = (packed.centroids[[3, 199, 64, 128]] + 0.05 * torch.randn(4, 70, device=device)).to(dtype)
    points = torch.cat([points, torch.full((1, 70), float("nan"), dtype=dtype, device=device)])
    labels, distances = chained(points, packed, most_rows)
    wanted, exact = nearest_centroid(points, packed, return_distance=True, backend="reference")
    assert labels.tolist() == wanted.tolist()
    torch.testing.assert_close(distances, exact, rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize("causal", [False, True])
def test_packed_attention_is_the_operator(device: str, causal: bool) -> None:
    query, key, value = (torch.randn(40, 2, 32, device=device, dtype=torch.float16) for _ in range(3))
    offsets = torch.tensor([0, 7, 36], dtype=torch.int32, device=device)
    ranges = torch.tensor([[0, 5], [7, 40]], dtype=torch.int32, device=device)
    output = torch.empty_like(query)
    piece = pieces.attention("fp16", 32, causal, 29, 90)
    tile = piece.candidates[0].constants["QUERY_TILE"]
    tensors = {"query": query, "key": key, "value": value, "query_offsets": offsets, "key_ranges": ranges}
    sizes = {"total_queries": 40, "total_keys": 40, "segments": 2, "heads": 2}
    launch(piece, (40 // tile + 2 + 1) * 2, {**tensors, "output": output}, sizes)
    options: dict[str, Any] = {"longest_query": 29, "causal": causal}
    same = attention(query, key, value, offsets, ranges, **options)
    # Equal when interpreted; a GPU's compiler may round a scale that it knows otherwise.
    torch.testing.assert_close(output, same, rtol=0, atol=2e-3 if device == "cuda" else 0)


@pytest.mark.parametrize("rows", [1, 64, 65, 5000])
@pytest.mark.parametrize("capability", [80, 90, 120])
def test_integers_and_tiles_are_those_of_the_plan(rows: int, capability: int) -> None:
    planned = plan(rows, 1001, 100, capability)
    made = (
        pieces.prepare("fp32", 100, 0, capability),
        pieces.search(rows, 1001, 128, capability),
        pieces.rescore("fp32", rows, 1001, 100, capability),
    )
    for piece, meant in zip(made, planned.launches, strict=True):
        values = dict(zip(meant.variant.arguments, meant.arguments, strict=True))
        assert piece.integers.items() <= values.items()
        kept = {name: n for name, n in meant.variant.constants.items() if name != "MARGIN"}
        assert kept.items() <= piece.candidates[0].constants.items()
        assert piece.candidates[0].stages == meant.variant.stages
    shapes = {buffer.name: buffer.shape for buffer in planned.buffers}
    assert shapes["first"] == (rows, pieces.tiles(rows, 1001))
    assert shapes["bounds"] == (3, pieces.bounds(1001))
    assert shapes["norms"] == (pieces.padded_centroids(1001),)


def test_sizes_that_have_no_kernel_are_refused() -> None:
    for call, name in (
        (lambda: pieces.prepare("i32", 8, 0, 90), "dtype"),
        (lambda: pieces.prepare("fp32", 0, 0, 90), "codebook"),
        (lambda: pieces.prepare("fp32", 8, 200, 90), "exponent"),
        (lambda: pieces.search(0, 8, 64, 90), "most_rows"),
        (lambda: pieces.search(8, 65537, 64, 90), "codebook"),
        (lambda: pieces.attention("fp64", 64, False, 8, 90), "dtype"),
        (lambda: pieces.attention("fp16", 48, False, 8, 90), "head size"),
        (lambda: pieces.attention("fp16", 64, False, -1, 90), "longest_query"),
    ):
        with pytest.raises(KernelError, match=name):
            call()


def test_hidden_parameters_go_only_where_nothing_reads_them() -> None:
    ptx = (
        ".visible .entry k(\n\t.param .u64 k_param_0,\n\t.param .u64 k_param_1\n)\n{ ld.param.u64 %rd1, [k_param_0]; }"
    )
    short = without_hidden(ptx, 1)
    assert "k_param_1" not in short
    assert short.count("k_param_0") == 2
    with pytest.raises(CompileError, match="scratch"):
        without_hidden(ptx.replace("[k_param_0]", "[k_param_1]"), 1)
    with pytest.raises(CompileError, match="entry"):
        without_hidden("", 1)


def test_without_tensorrt_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(KernelError, match=r"pip install 'tensorrt-cu13>=10\.14'"):
        register_plugins(90)
    old = ModuleType("tensorrt")
    old.__version__ = "10.3.0"  # type: ignore[attr-defined]
    plugin = ModuleType("tensorrt.plugin")
    old.plugin = plugin  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorrt", old)
    monkeypatch.setitem(sys.modules, "tensorrt.plugin", plugin)
    with pytest.raises(KernelError, match=r"10\.3\.0"):
        register_plugins(90)


def test_unknown_gpus_and_too_much_shared_memory_are_refused() -> None:
    with pytest.raises(KernelError, match="75"):
        register_plugins(75)
    with pytest.raises(KernelError, match="shared memory"):
        register_plugins(86, most_shared_bytes=100 * 1024)


def compiled(capability: int, *names: str) -> list[dict[str, Any]]:
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env["PYTHONPATH"] = str(Path(videobert_kernels.__path__[0]).parent)
    command = [sys.executable, str(HERE / "compile_pieces.py"), str(capability), *names]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_code(said: list[dict[str, Any]]) -> None:
    for each in said:
        assert each["ptxas"] == 0, each
        kinds = list(each["arguments"].values())
        assert len(each["parameters"]) == len(kinds)
        for parameter, kind in zip(each["parameters"], kinds, strict=True):
            assert (".u64" if kind.startswith("*") else ".u32") in parameter
        # Inputs, integers, outputs.
        pointers = "".join("p" if kind.startswith("*") else "i" for kind in kinds)
        assert pointers.strip("p") == "i" * pointers.count("i")
        assert pointers[0] == pointers[-1] == "p"
        assert each["threads"] == each["required_threads"]
        assert each["shared"] <= each["limit"]
    # With all of the GPU's shared memory the operators' own choice is taken.
    assert all(each["preferred"] for each in said[1::2])


def test_code_for_80_is_accepted_by_ptxas() -> None:
    said = compiled(80, "prepare", "search_few")
    assert len(said) == 4
    check_code(said)


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 86, 89, 90, 100, 120])
def test_every_plugins_code_is_accepted_by_ptxas(capability: int) -> None:
    said = compiled(capability)
    assert len(said) == 16
    check_code(said)
