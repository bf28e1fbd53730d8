"""How the operators are called: wrong arguments, wild indices, graphs, and every config that is shipped."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from packed_inputs import offsets_of, own_rows, plain, random_rows
from torch import Tensor

from videobert_kernels import KernelError, append_to_cache, attention, attention_decode
from videobert_kernels.ops.attention import configs
from videobert_kernels.ops.attention.checks import capability_of
from videobert_kernels.ops.attention.launch import launch_attention
from videobert_kernels.ops.attention_decode import configs as decode_configs
from videobert_kernels.ops.attention_decode.launch import launch_decode
from videobert_kernels.ops.checks import SHORT_NAMES

Check = Callable[..., None]


@pytest.fixture
def call(device: str) -> dict[str, Any]:
    offsets = offsets_of([3, 4], device)
    query, key, value = (random_rows(7, 2, 32, torch.float32, device) for _ in range(3))
    ranges = own_rows(offsets)
    tensors = {"query": query, "key": key, "value": value, "query_offsets": offsets, "key_ranges": ranges}
    return {**tensors, "longest_query": 4}


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_wrong_calls_are_named(call: dict[str, Any], backend: str) -> None:
    query, offsets, ranges = call["query"], call["query_offsets"], call["key_ranges"]
    for match, change in {
        r"query has the wrong number of axes; seen: 2; allowed: 3": {"query": query[0]},
        r"key has the wrong number of axes; seen: 4; allowed: 3": {"key": query[None]},
        r"this head size is not supported; seen: 31; allowed: \(32, 64, 128\)": {"query": query[..., 1:]},
        r"this dtype has no kernel; seen: torch.float64": {"query": query.double()},
        r"value has another dtype; seen: torch.float16; allowed: torch.float32": {"value": query.half()},
        r"key has other heads; seen: \(7, 1, 32\); allowed: \(\.\.\., 2, 32\)": {"key": query[:, :1]},
        r"value has the wrong shape; seen: \(6, 2, 32\); allowed: \(7, 2, 32\)": {"value": query[:6]},
        r"the last axis of key is not contiguous; seen: strides": {"key": query.repeat(1, 1, 2)[..., ::2]},
        r"query_offsets has the wrong dtype; seen: torch.int64; allowed: torch.int32": {
            "query_offsets": offsets.long()
        },
        r"query_offsets has the wrong shape; seen: \(1, 3\)": {"query_offsets": offsets[None]},
        r"query_offsets has no entry": {"query_offsets": offsets[:0]},
        r"key_ranges has the wrong shape; seen: \(1, 2\); allowed: \(2, 2\)": {"key_ranges": ranges[:1]},
        r"key_ranges has the wrong dtype; seen: torch.float32": {"key_ranges": ranges.float()},
        r"key_ranges is not contiguous": {"key_ranges": ranges.repeat(1, 2)[:, ::2]},
        r"longest_query is out of range; seen: -1; allowed: 0 or more": {"longest_query": -1},
        r"scale must be positive and finite; seen: 0": {"scale": 0.0},
        r"scale must be positive and finite; seen: inf": {"scale": float("inf")},
        r"key is on another device; seen: meta": {"key": query.to("meta")},
        r"key_ranges is on another device; seen: meta": {"key_ranges": ranges.to("meta")},
    }.items():
        with pytest.raises(KernelError, match=match):
            attention(**call | change, backend=backend)
    with pytest.raises(KernelError, match="this backend is not known"):
        attention(**call, backend="flash")


def fenced(rows: int, device: str) -> Tensor:
    """Rows in the middle of a buffer of NaN: an answer that is finite did not read outside them."""
    buffer = torch.full((rows + 400, 1, 32), float("nan"), device=device)
    buffer[200 : 200 + rows] = torch.randn(rows, 1, 32).to(device)
    return buffer[200 : 200 + rows]


@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
def test_ranges_outside_the_keys_count_as_the_nearest_bound(device: str, causal: bool) -> None:
    query, key, value = fenced(30, device), fenced(50, device), fenced(50, device)
    offsets = offsets_of([9, 1, 10, 10], device)
    top = 2**31 - 1
    wild = torch.tensor([[-9, 51], [-top, top], [50, 70], [40, 30]], dtype=torch.int32, device=device)
    near = torch.tensor([[0, 50], [0, 50], [50, 50], [40, 40]], dtype=torch.int32, device=device)
    answer = attention(query, key, value, offsets, wild, longest_query=10, causal=causal)
    assert torch.isfinite(answer).all()
    assert torch.equal(answer, attention(query, key, value, offsets, near, longest_query=10, causal=causal))


@pytest.mark.parametrize("causal", [False, True], ids=["every key", "causal"])
@pytest.mark.parametrize(
    "offsets", [[0, 20, 64], [0, 2**31 - 1, 2**31 - 1], [-7, 3, 30], [0, 25, 10], [30, 20, 0], [9, 9, 30]]
)
def test_wild_offsets_neither_read_nor_write_outside(device: str, offsets: list[int], causal: bool) -> None:
    """The output lies between canaries; rows that no segment holds stay as they were allocated, which is NaN."""
    query, key, value = fenced(30, device), fenced(50, device), fenced(50, device)
    ranges = torch.tensor([[0, 50], [10, 20]], dtype=torch.int32, device=device)
    on_device = torch.tensor(offsets, dtype=torch.int32, device=device)
    answer = attention(query, key, value, on_device, ranges, longest_query=30, causal=causal)
    held = [False] * 30
    bounds = [min(max(offset, 0), 30) for offset in (*offsets, 30)]
    for begin, end in pairwise(bounds):
        held[begin:end] = [True] * max(0, end - begin)
    if sorted(offsets) == offsets:
        assert torch.isfinite(answer[torch.tensor(held, device=device)]).all()


class Model(torch.nn.Module):
    """What a layer does with packed projections, and a step of its decoder."""

    def forward(self, fused: Tensor, offsets: Tensor, caches: Tensor, lengths: Tensor) -> Tensor:
        query, key, value = (fused * 2).unbind(1)
        ranges = torch.stack([offsets[:-1], offsets[1:]], 1)
        whole = attention(query, key, value, offsets, ranges, longest_query=8)
        append_to_cache(key[:2], value[:2], caches[0], caches[1], lengths)
        step = attention_decode(query[:2], caches[0], caches[1], lengths + 1)
        return whole + 1, step * 2


def model_inputs(device: str) -> tuple[Tensor, ...]:
    fused = torch.randn(9, 3, 2, 32).to(device)
    caches = torch.zeros(2, 2, 4, 2, 32, device=device)
    return fused, offsets_of([5, 4], device), caches, torch.tensor([0, 2], dtype=torch.int32, device=device)


def test_torch_compile_takes_it_whole(device: str) -> None:
    inputs = model_inputs(device)
    eager_inputs = tuple(tensor.clone() for tensor in inputs)
    compiled = torch.compile(Model(), fullgraph=True, backend="inductor" if device == "cuda" else "aot_eager")
    for ours, eager in zip(compiled(*inputs), Model()(*eager_inputs), strict=True):
        assert torch.equal(ours, eager)
    assert torch.equal(inputs[2], eager_inputs[2]), "the caches are changed in place"
    assert inputs[2][0].any()


def test_torch_export_keeps_it_as_operators(device: str) -> None:
    rows = torch.export.Dim("rows", min=2, max=64)
    dynamic = ({0: rows}, None, None, None)
    exported = torch.export.export(Model(), model_inputs(device), dynamic_shapes=dynamic)
    called = {str(node.target) for node in exported.graph.nodes if node.op == "call_function"}
    names = ("attention", "attention_decode", "append_to_cache")
    assert {f"videobert_kernels.{name}.default" for name in names} <= called
    fused, _, caches, lengths = model_inputs(device)
    other = torch.cat([fused, fused[:4]]), offsets_of([5, 6], device), caches, lengths
    expected = Model()(*(tensor.clone() for tensor in other))
    for ours, eager in zip(exported.module()(*other), expected, strict=True):
        assert torch.equal(ours, eager)


def test_operators_keep_the_rules_of_torch_library(device: str, call: dict[str, Any]) -> None:
    tensors = tuple(call[name] for name in ("query", "key", "value", "query_offsets", "key_ranges"))
    arguments = (*tensors, 4, False, 0.25, "auto")
    checks = "test_schema"  # That nothing is changed or aliased behind the back of torch.
    torch.library.opcheck(torch.ops.videobert_kernels.attention.default, arguments, test_utils=checks)
    _, _, caches, lengths = model_inputs(device)
    cached = (tensors[0][:2].clone(), caches[0].clone(), caches[1].clone(), lengths)
    torch.library.opcheck(
        torch.ops.videobert_kernels.attention_decode.default, (*cached, None, "auto"), test_utils=checks
    )
    appended = (tensors[1][:2].clone(), tensors[2][:2].clone(), *cached[1:])
    torch.library.opcheck(torch.ops.videobert_kernels.append_to_cache.default, (*appended, "auto"), test_utils=checks)


@pytest.mark.needs_cuda
def test_one_cuda_graph_serves_other_lengths(device: str) -> None:
    query, key, value = (random_rows(300, 4, 64, torch.bfloat16, device) for _ in range(3))
    offsets = offsets_of([100, 120, 30], device)
    ranges = own_rows(offsets)
    attention(query, key, value, offsets, ranges, longest_query=300)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = attention(query, key, value, offsets, ranges, longest_query=300)
    for lengths in ([100, 120, 30], [1, 0, 299], [300, 0, 0]):
        offsets.copy_(offsets_of(lengths, device))
        ranges.copy_(own_rows(offsets))
        graph.replay()
        assert torch.equal(captured, attention(query, key, value, offsets, ranges, longest_query=300))


SHIPPED = sorted(
    {
        (head_size, SHORT_NAMES[dtype], causal, config)
        for capability in configs.CAPABILITIES
        for dtype in SHORT_NAMES
        for head_size in configs.HEAD_SIZES
        for causal in (False, True)
        for config in configs.shipped(head_size, dtype, causal, capability)
    },
    key=str,
)
DTYPE_OF = {short: dtype for dtype, short in SHORT_NAMES.items()}


@pytest.mark.needs_cuda
@pytest.mark.parametrize(("head_size", "short", "causal", "config"), SHIPPED, ids=str)
def test_every_shipped_config(
    device: str, assert_close: Check, head_size: int, short: str, causal: bool, config: configs.AttentionConfig
) -> None:
    dtype = DTYPE_OF[short]
    if config not in configs.shipped(head_size, dtype, causal, capability_of(torch.device("cuda", 0))):
        pytest.skip("shipped for other GPUs")
    offsets = offsets_of([1, 63, 0, 65, 127, 513, 1024], device)
    ranges = own_rows(offsets)
    data = tuple(random_rows(int(offsets[-1]) + 70, 3, head_size, dtype, device) for _ in range(3))
    answer = launch_attention(*data, offsets, ranges, causal, head_size**-0.5, config)
    same = plain(*data, offsets, ranges, dtype, causal)
    assert_close(answer, same, plain(*data, offsets, ranges, torch.float64, causal))


@pytest.mark.needs_cuda
@pytest.mark.parametrize("head_size", [32, 64, 128])
@pytest.mark.parametrize("short", ["fp32", "fp16", "bf16"])
def test_every_shipped_decode_config(device: str, assert_close: Check, head_size: int, short: str) -> None:
    dtype = DTYPE_OF[short]
    key, value = (random_rows(700, 3, head_size, dtype, device) for _ in range(2))
    query = random_rows(1, 3, head_size, dtype, device)
    offsets, ranges = offsets_of([1], device), torch.tensor([[0, 700]], dtype=torch.int32)
    same = plain(query, key, value, offsets, ranges, dtype)
    exact = plain(query, key, value, offsets, ranges, torch.float64)
    lengths = torch.tensor([700], dtype=torch.int32, device=device)
    for config in decode_configs.shipped(head_size, dtype):
        assert_close(launch_decode(query, key[None], value[None], lengths, head_size**-0.5, config), same, exact)


@pytest.mark.parametrize("capability", [75, 80, 86, 89, 90, 100, 103, 120, 121])
def test_every_gpu_and_length_has_a_config_that_is_shipped(capability: int) -> None:
    names = {variant.name for variant in configs.variants()}
    for dtype in SHORT_NAMES:
        for head_size in configs.HEAD_SIZES:
            for longest in (0, 1, 32, 33, 128, 129, 4096, 10**6):
                for causal in (False, True):
                    config = configs.choose_config(head_size, dtype, causal, longest, capability)
                    assert configs.variant(head_size, dtype, causal, config, (90,)).name in names


def test_longer_segments_get_longer_tiles() -> None:
    tiles = [configs.choose_config(64, torch.bfloat16, False, length, 90).query_tile for length in (32, 128, 512)]
    assert tiles == sorted(set(tiles))
