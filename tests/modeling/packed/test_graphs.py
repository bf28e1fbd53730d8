"""Buckets and the life of a request on a device that records work, without a GPU."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from videobert_modeling.models import VideoBert
from videobert_modeling.packed import PackedEncoder
from videobert_modeling.packed.buckets import Bucket, buckets_for, smallest
from videobert_modeling.packed.layout import Layout

REQUEST = ["copy", "replay", "copy", "wait"]


@pytest.fixture
def graphed(
    model: VideoBert, counting: Any, packed_encoder: Callable[..., PackedEncoder], monkeypatch: pytest.MonkeyPatch
) -> PackedEncoder:
    from videobert_modeling.packed import buckets

    monkeypatch.setattr(buckets, "TOKENS", (16, 64, 256))
    monkeypatch.setattr(buckets, "SEQUENCES", (1, 4))
    encoder = packed_encoder(model.encoder, graphs=counting)
    encoder.prepare()
    counting.requests.clear()
    return encoder


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Bucket(1, 1), Bucket(32, 1)),
        (Bucket(33, 1), Bucket(64, 1)),
        (Bucket(512, 1), Bucket(512, 1)),
        (Bucket(512, 2), Bucket(512, 8)),
        (Bucket(20, 9), Bucket(32, 32)),
        (Bucket(4096, 8), Bucket(4096, 8)),
        (Bucket(16_384, 32), Bucket(16_384, 32)),
        (Bucket(16_385, 32), None),
        (Bucket(100, 33), None),
    ],
)
def test_the_smallest_bucket_that_holds_a_request_is_chosen(request_: Bucket, expected: Bucket | None) -> None:
    assert smallest(buckets_for(512), request_) == expected


@pytest.mark.parametrize("positions", [1, 30, 128, 512, 4096])
def test_every_bucket_is_the_choice_for_some_request(positions: int) -> None:
    buckets = buckets_for(positions)
    assert list(buckets) == sorted(set(buckets), reverse=True)
    chosen = {
        smallest(buckets, Bucket(tokens, sequences))
        for sequences in range(1, 33)
        for tokens in {sequences, *(t + d for b in buckets for t in [b.tokens] for d in (0, 1))}
        if sequences <= tokens <= sequences * positions
    }
    assert chosen - {None} == set(buckets)


def test_a_request_is_one_upload_one_replay_one_download(
    graphed: PackedEncoder,
    counting: Any,
    model: VideoBert,
    make_batch: Callable[..., Any],
    packed_encoder: Callable[..., PackedEncoder],
) -> None:
    plain = packed_encoder(model.encoder)
    for lengths in ((3,), (64,), (65,), (9, 1, 30), (100, 100, 56)):
        counting.requests.clear()
        states = graphed.states(**make_batch(*lengths))
        assert counting.requests == REQUEST
        assert np.abs(states - plain.states(**make_batch(*lengths))).max() <= 1e-5
    assert graphed.unprepared == 0


def test_what_an_earlier_request_left_in_the_buffers_cannot_matter(
    graphed: PackedEncoder, counting: Any, make_batch: Callable[..., Any]
) -> None:
    small = make_batch(5, 2)
    wanted = graphed.states(**small)
    graphed.states(**make_batch(128, 100, 20))
    static = graphed._static
    assert static is not None
    with torch.inference_mode():
        for buffer in (static.host_in, static.device_in, static.device_out, static.host_out):
            buffer.fill_(-(2**31))
    assert np.array_equal(graphed.states(**small), wanted)


def test_a_result_is_not_the_next_requests_buffer(graphed: PackedEncoder, make_batch: Callable[..., Any]) -> None:
    states = graphed.states(**make_batch(16))
    kept = states.copy()
    graphed.states(**make_batch(16, 16))
    assert np.array_equal(states, kept)


def test_after_prepare_nothing_is_captured_or_allocated(
    graphed: PackedEncoder, counting: Any, make_batch: Callable[..., Any]
) -> None:
    assert counting.buffers == 4
    graphs = counting.records
    assert graphs == len(graphed._replays) > 0
    graphed.prepare()
    for lengths in ((3,), (128, 128), (128, 128, 1), (1,) * 40):
        graphed.states(**make_batch(*lengths))
    assert (counting.records, counting.buffers) == (graphs, 4)


@pytest.mark.parametrize("lengths", [(128, 128, 1), (1, 1, 1, 1, 1)], ids=["tokens", "sequences"])
def test_a_request_larger_than_every_bucket_runs_and_says_so_once(
    lengths: tuple[int, ...],
    graphed: PackedEncoder,
    counting: Any,
    model: VideoBert,
    make_batch: Callable[..., Any],
    packed_encoder: Callable[..., PackedEncoder],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        states = graphed.states(**make_batch(*lengths))
        graphed.states(**make_batch(*lengths))
    assert counting.requests == []
    assert graphed.unprepared == 2
    (record,) = caplog.records
    assert f"{sum(lengths)} tokens in {len(lengths)} sequences" in record.getMessage()
    assert np.array_equal(states, packed_encoder(model.encoder).states(**make_batch(*lengths)))


def test_before_prepare_a_request_runs_without_a_graph(
    model: VideoBert,
    counting: Any,
    make_batch: Callable[..., Any],
    packed_encoder: Callable[..., PackedEncoder],
) -> None:
    encoder = packed_encoder(model.encoder, graphs=counting)
    encoder.states(**make_batch(4))
    assert encoder.unprepared == 1
    assert (counting.records, counting.buffers, counting.requests) == (0, 0, [])


def test_threads_share_the_buffers_one_after_the_other(graphed: PackedEncoder, make_batch: Callable[..., Any]) -> None:
    lengths = [(3,), (7, 2), (60, 50), (16,)]
    alone = [graphed.states(**make_batch(*each)) for each in lengths]
    gate = threading.Barrier(4)

    def ask(index: int) -> np.ndarray:
        gate.wait()
        return graphed.states(**make_batch(*lengths[index]))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for states, wanted in zip(pool.map(ask, range(4)), alone, strict=True):
                assert np.array_equal(states, wanted)


def test_the_parts_of_a_request_do_not_touch() -> None:
    layout = Layout(Bucket(33, 3), {"ids": None, "rows": 5})
    buffer = torch.arange(layout.size, dtype=torch.int32)
    parts = [layout.part(buffer, name) for name in layout._parts]
    assert [len(part) for part in parts] == [33, 165, 4, 6]
    places = torch.cat(parts)
    assert len(places.unique()) == len(places)
    assert all(int(part[0]) * 4 % 128 == 0 for part in parts)
    assert layout.tokens(buffer)["rows"].shape == (33, 5)
    assert layout.spans(buffer, 20).longest == 20
