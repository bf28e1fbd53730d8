"""VideoBert's encoder on packed sequences, from ids on the host to states or answers on the host."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videobert.base.errors import InputError, ModelError
from videobert_kernels.ops.packed_encoder import Candidates, best_at, encode
from videobert_modeling.models.families.videobert import VideoBert
from videobert_modeling.packed.buckets import Bucket, buckets_for, smallest
from videobert_modeling.packed.graphs import CudaGraphs, GraphDevice
from videobert_modeling.packed.layout import Layout, Masked
from videobert_modeling.packed.packing import HostBatch, Int32, Sizes, pack
from videobert_modeling.packed.weights import packed_weights

_LOG = logging.getLogger(__name__)

Positions = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The best at masked positions of one kind, best first.

    Args:
        ids: int32 `(n, k)`, in the joint vocabulary.
        log_probs: float32 `(n, k)`, over the words or over the visual tokens.
    """

    ids: Int32
    log_probs: npt.NDArray[np.float32]


class PackedEncoder:
    """Runs a model's encoder without padding; a request of known size is one upload, one graph replay, one download.

    Graphs are captured by `prepare` and never inside a request. A request that fits none of them, and every request
    before `prepare`, launches its kernels one by one; the first time this is logged, and `unprepared` counts it. Where
    there are no graphs, as on the CPU, the same code runs as plain calls. Thread-safe.

    Args:
        model: its weights are cast once; those that fit already are shared.
        device: where it runs.
        dtype: of weights and states: float32, bfloat16 or float16. Statistics and logits are fp32 in all of them.
        top_k: answers that `answer` gives to each position, 1 to 32; 0 for a model that is asked for states only.
        word_answers: bool `(words,)`, which words may be answers; all by default.
        graphs: what records work; CUDA graphs on a GPU, nothing on a CPU.
    """

    def __init__(
        self,
        model: VideoBert,
        device: torch.device | str,
        dtype: torch.dtype,
        *,
        top_k: int = 0,
        word_answers: npt.NDArray[np.bool_] | None = None,
        graphs: GraphDevice | None = None,
    ) -> None:
        config = model.config
        self.unprepared = 0
        self._device = torch.device(device)
        self._weights = packed_weights(model, device, dtype)
        self._sizes = Sizes(
            vocabulary=config.vocabulary, positions=config.encoder.positions, segments=config.encoder.segments
        )
        self._slices = {"text": (0, config.words), "visual": (config.words, config.joiner_id)}
        self._heads = tuple(head for head in self._slices if head in config.heads)
        self._top_k = top_k
        if top_k and self._weights.head is not None and word_answers is not None:
            # A copy of its own: the module's bias keeps its values.
            bias = self._weights.head.bias.clone()
            bias[: config.words][torch.from_numpy(~word_answers).to(self._device)] = -torch.inf
            self._weights = replace(self._weights, head=replace(self._weights.head, bias=bias))
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
            buckets = buckets_for(self._sizes.positions)
            if self._top_k:
                buckets = buckets + buckets_for(self._sizes.positions, masked=True)
            size_in = max(Layout(bucket).size for bucket in buckets)
            self._static = _Static(self._graphs, size_in, max(self._output_size(bucket) for bucket in buckets))
            for bucket in buckets:
                self._replays[bucket] = self._record(self._graphs, self._static, bucket)

    def states(
        self, ids: npt.NDArray[Any], segments: npt.NDArray[Any], lengths: npt.NDArray[Any]
    ) -> npt.NDArray[np.float32]:
        """Final states of a padded batch, float32 `(batch, length, width)`, zeros past a sequence's length.

        Args:
            ids, segments: whole numbers `(batch, length)`; what stands past a length is not read.
            lengths: `(batch,)`, each 1 to `length`; `length` at most the model's positions.

        Raises:
            InputError: a length, id or segment is out of range.
        """
        batch = pack(ids, segments, lengths, self._sizes)
        width = self._weights.width
        if batch.tokens == 0:
            return batch.padded(np.zeros((0, width), np.float32))
        found = self._run(batch, None, batch.tokens * width)
        return batch.padded(found.view(np.float32).reshape(-1, width))

    def answer(
        self,
        ids: npt.NDArray[Any],
        segments: npt.NDArray[Any],
        lengths: npt.NDArray[Any],
        *,
        words: Positions = (),
        visual: Positions = (),
    ) -> tuple[Answers, Answers]:
        """The best words and the best visual tokens at masked positions, in one request from ids to answers.

        Args:
            ids, segments, lengths: as for `states`.
            words: `(sequence, position)` of masked words.
            visual: likewise of masked visual tokens.

        Returns:
            Answers to `words` and to `visual`, in the order asked.

        Raises:
            InputError: a position lies outside its sequence, or as for `states`.
            ModelError: the model has no head for what is asked, or was opened without `top_k`.
        """
        for head, asked in (("text", words), ("visual", visual)):
            if asked and (head not in self._heads or not self._top_k):
                raise ModelError(f"this model gives no {head} answers", fix="Open a model with that head, with top_k.")
        batch = pack(ids, segments, lengths, self._sizes)
        masked = Masked(_tokens(batch, lengths, words), _tokens(batch, lengths, visual))
        if masked.most == 0:
            return self._answers(None, 0, len(masked.words), "text"), self._answers(None, 0, 0, "visual")
        found = self._run(batch, masked, None)
        room = len(found) // sum(2 * self._k(head) + 1 for head in self._heads)
        text = self._answers(found, room, len(masked.words), "text")
        return text, self._answers(found, room, len(masked.visual), "visual")

    def _k(self, head: str) -> int:
        first, end = self._slices[head]
        return min(self._top_k, end - first)

    def _answers(self, found: Int32 | None, room: int, count: int, head: str) -> Answers:
        """Unpack what `_compute` put together: values, ids and log-sum-exp of each head, `room` positions each."""
        k = self._k(head)
        if found is None or head not in self._heads:
            return Answers(ids=np.zeros((count, k), np.int32), log_probs=np.zeros((count, k), np.float32))
        start = 0 if head == self._heads[0] else room * (2 * self._k(self._heads[0]) + 1)
        values, ids, sums = np.split(found[start : start + room * (2 * k + 1)], [room * k, 2 * room * k])
        kept = values.view(np.float32).reshape(room, k)[:count] - sums.view(np.float32)[:count, None]
        return Answers(ids=ids.reshape(room, k)[:count].copy(), log_probs=kept)

    def _run(self, batch: HostBatch, masked: Masked | None, wanted: int | None) -> Int32:
        """The first `wanted` values of the output, or all of it."""
        request = Bucket(batch.tokens, batch.sequences, 0 if masked is None else masked.most)
        bucket = smallest(self._replays, request)
        with torch.inference_mode():
            if bucket is None or self._static is None or self._graphs is None:
                return self._eager(batch, masked, request)
            size = self._output_size(bucket) if wanted is None else wanted
            layout = Layout(bucket)
            with self._lock:
                static = self._static
                layout.fill(static.host_in.numpy(), batch, masked)
                self._graphs.copy(static.device_in[: layout.size], static.host_in[: layout.size])
                self._replays[bucket]()
                self._graphs.copy(static.host_out[:size], static.device_out[:size])
                self._graphs.wait()
                found: Int32 = static.host_out[:size].numpy().copy()
                return found

    def _eager(self, batch: HostBatch, masked: Masked | None, request: Bucket) -> Int32:
        if self._graphs is not None:
            self.unprepared += 1
            if self.unprepared == 1:
                _LOG.warning(
                    "no CUDA graph was prepared for %d tokens in %d sequences with %d masked positions: "
                    "such requests launch their kernels one by one",
                    request.tokens,
                    request.sequences,
                    request.masked,
                )
        layout = Layout(request)
        host = np.empty(layout.size, np.int32)
        layout.fill(host, batch, masked)
        out = self._compute(layout, torch.from_numpy(host).to(self._device), batch.longest)
        found: Int32 = out.cpu().numpy()
        return found

    def _record(self, graphs: GraphDevice, static: _Static, bucket: Bucket) -> Callable[[], None]:
        layout = Layout(bucket)
        # What warms and is captured is a batch of one-token sequences and filler: any content has the same launches.
        ones = np.ones((bucket.sequences, 1), np.int64)
        batch = pack(0 * ones, 0 * ones, ones[:, 0], self._sizes)
        layout.fill(static.host_in.numpy(), batch, _NOTHING if bucket.masked else None)
        graphs.copy(static.device_in[: layout.size], static.host_in[: layout.size])
        inputs, out = static.device_in[: layout.size], static.device_out[: self._output_size(bucket)]
        longest = min(bucket.tokens, self._sizes.positions)

        def work() -> None:
            out.copy_(self._compute(layout, inputs, longest))

        replay = graphs.record(work)
        graphs.wait()
        return replay

    def _compute(self, layout: Layout, buffer: Tensor, longest: int) -> Tensor:
        """The whole request on the device, int32 `(output size,)`; floats by their bits, so that it is one download."""
        states = encode(self._weights, layout.inputs(buffer, longest))
        if not layout.bucket.masked:
            return states.float().flatten().view(torch.int32)
        names = {"text": "words", "visual": "visual"}
        asked = tuple(
            Candidates(
                places=layout.part(buffer, names[head]),
                k=self._k(head),
                first=self._slices[head][0],
                end=self._slices[head][1],
            )
            for head in self._heads
        )
        found = best_at(self._weights, states, layout.part(buffer, "picked"), asked)
        return torch.cat([part.flatten().view(torch.int32) for each in found for part in each])

    def _output_size(self, bucket: Bucket) -> int:
        if not bucket.masked:
            return bucket.tokens * self._weights.width
        return bucket.masked * sum(2 * self._k(head) + 1 for head in self._heads)


class _Static:
    """Buffers that every graph reads and writes: allocated once, for the largest bucket."""

    def __init__(self, graphs: GraphDevice, size_in: int, size_out: int) -> None:
        self.host_in = graphs.on_host(size_in, torch.int32)
        self.device_in = graphs.on_device(size_in, torch.int32)
        self.device_out = graphs.on_device(size_out, torch.int32)
        self.host_out = graphs.on_host(size_out, torch.int32)


_NOTHING = Masked(np.zeros(0, np.int32), np.zeros(0, np.int32))


def _tokens(batch: HostBatch, lengths: npt.NDArray[Any], positions: Positions) -> Int32:
    """Positions in the padded batch as tokens of the packed one."""
    for sequence, position in positions:
        if not 0 <= sequence < len(lengths) or not 0 <= position < lengths[sequence]:
            raise InputError("a masked position lies outside its sequence", seen=(sequence, position))
    return np.array([batch.offsets[sequence] + position for sequence, position in positions], np.int32)
