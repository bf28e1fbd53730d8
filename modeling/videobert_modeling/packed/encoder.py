"""An encoder on packed sequences, from what its stage takes on the host to states on the host."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videobert_kernels.ops.packed_encoder import encode_states
from videobert_modeling.packed.buckets import Bucket, buckets_for, smallest
from videobert_modeling.packed.graphs import CudaGraphs, GraphDevice
from videobert_modeling.packed.layout import Layout
from videobert_modeling.packed.packing import HostBatch
from videobert_modeling.packed.parts import Packable

_LOG = logging.getLogger(__name__)


class PackedEncoder:
    """Runs an encoder without padding; a request of known size is one upload, one graph replay, one download.

    Graphs are captured by `prepare` and never inside a request. A request that fits none of them, and every request
    before `prepare`, launches its kernels one by one; the first time this is logged, and `unprepared` counts it. Where
    there are no graphs, as on the CPU, the same code runs as plain calls. Thread-safe.

    Args:
        packable: the encoder; its weights are cast once, and those that fit already are shared.
        device: where it runs.
        dtype: of weights and states: float32, bfloat16 or float16. Statistics are fp32 in all of them.
        graphs: what records work; CUDA graphs on a GPU, nothing on a CPU.
    """

    def __init__(
        self,
        packable: Packable,
        device: torch.device | str,
        dtype: torch.dtype,
        *,
        graphs: GraphDevice | None = None,
    ) -> None:
        self.unprepared = 0
        self._device = torch.device(device)
        self._embeddings = packable.embeddings(self._device, dtype)
        self._stack = packable.stack.to(self._device, dtype)
        if graphs is None and self._device.type == "cuda":
            graphs = CudaGraphs(self._device)
        self._graphs = graphs
        self._lock = threading.Lock()
        self._static: _Static | None = None
        self._replays: dict[Bucket, Callable[[], None]] = {}

    def prepare(self) -> None:
        """Allocate the static buffers and capture a graph for each bucket; nothing where there are no graphs."""
        with self._lock, torch.inference_mode():
            if self._graphs is None or self._static is not None:
                return
            buckets = buckets_for(self._embeddings.positions)
            size_in = max(self._layout(bucket).size for bucket in buckets)
            size_out = max(bucket.tokens for bucket in buckets) * self._embeddings.width
            self._static = _Static(self._graphs, size_in, size_out)
            for bucket in buckets:
                self._replays[bucket] = self._record(self._graphs, self._static, bucket)

    def states(self, **inputs: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Final states of a padded batch, float32 `(batch, length, width)`, zeros at places that are not real.

        Args:
            inputs: those of the encoder's stage, see its `StageSpec`; what stands past a length is not read.

        Raises:
            InputError: a length, id or segment is out of range.
        """
        batch = self._embeddings.pack(inputs)
        width = self._embeddings.width
        if batch.tokens == 0:
            return batch.padded(np.zeros((0, width), np.float32))
        return batch.padded(self._run(batch).reshape(-1, width))

    def _run(self, batch: HostBatch) -> npt.NDArray[np.float32]:
        """States of the batch's tokens, float32 `(tokens * width,)`."""
        request = Bucket(batch.tokens, batch.sequences)
        bucket = smallest(self._replays, request)
        with torch.inference_mode():
            if bucket is None or self._static is None or self._graphs is None:
                return self._eager(batch, request)
            size = batch.tokens * self._embeddings.width
            layout = self._layout(bucket)
            with self._lock:
                static = self._static
                layout.fill(static.host_in.numpy(), batch)
                self._graphs.copy(static.device_in[: layout.size], static.host_in[: layout.size])
                self._replays[bucket]()
                self._graphs.copy(static.host_out[:size], static.device_out[:size])
                self._graphs.wait()
                states: npt.NDArray[np.float32] = static.host_out[:size].numpy().copy()
                return states

    def _eager(self, batch: HostBatch, request: Bucket) -> npt.NDArray[np.float32]:
        if self._graphs is not None:
            self.unprepared += 1
            if self.unprepared == 1:
                _LOG.warning(
                    "no CUDA graph was prepared for %d tokens in %d sequences: "
                    "such requests launch their kernels one by one",
                    request.tokens,
                    request.sequences,
                )
        layout = self._layout(request)
        host = np.empty(layout.size, np.int32)
        layout.fill(host, batch)
        out = self._compute(layout, torch.from_numpy(host).to(self._device), batch.longest)
        states: npt.NDArray[np.float32] = out.cpu().numpy()
        return states

    def _record(self, graphs: GraphDevice, static: _Static, bucket: Bucket) -> Callable[[], None]:
        layout = self._layout(bucket)
        # What warms and is captured is a batch of one-token sequences and filler.
        layout.fill(static.host_in.numpy(), self._embeddings.smallest(bucket.sequences))
        graphs.copy(static.device_in[: layout.size], static.host_in[: layout.size])
        inputs, out = static.device_in[: layout.size], static.device_out[: bucket.tokens * self._embeddings.width]
        longest = min(bucket.tokens, self._embeddings.positions)

        def work() -> None:
            out.copy_(self._compute(layout, inputs, longest))

        replay = graphs.record(work)
        graphs.wait()
        return replay

    def _layout(self, bucket: Bucket) -> Layout:
        return Layout(bucket, self._embeddings.per_token)

    def _compute(self, layout: Layout, buffer: Tensor, longest: int) -> Tensor:
        """The whole request on the device, float32 `(bucket's tokens * width,)`."""
        states = self._embeddings.states(layout.tokens(buffer))
        return encode_states(self._stack, states, layout.spans(buffer, longest)).float().flatten()


class _Static:
    """Buffers that every graph reads and writes: allocated once, for the largest bucket."""

    def __init__(self, graphs: GraphDevice, size_in: int, size_out: int) -> None:
        self.host_in = graphs.on_host(size_in, torch.int32)
        self.device_in = graphs.on_device(size_in, torch.int32)
        self.device_out = graphs.on_device(size_out, torch.float32)
        self.host_out = graphs.on_host(size_out, torch.float32)
