"""The stages that tasks are built from: an opened model with its engine, tokenizer, codebook and id layout."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import MismatchError, ModelError
from videobert.base.limits import Limits
from videobert.base.version import __version__
from videobert.engines.base import Assign, AssignsTokens, DeviceArray, Engine
from videobert.families.videobert import JointSequence, SequenceBuilder
from videobert.model.folder import ModelFolder, no_codebook
from videobert.model.mending import command
from videobert.model.recipe import Recipe, check_stride
from videobert.model.stage import Stage
from videobert.pipeline.questions import Questions
from videobert.results.origin import Origin
from videobert.text.reader import TextTokenizer
from videobert.video.decoders.available import DecoderName, Device
from videobert.visual.codebook import Codebook

_BATCH = 32
_HEAD_ROWS = 256

Masked = tuple[JointSequence, Sequence[int]]


class OpenedModel:
    """Everything a task needs of a model. Thread-safe.

    Args:
        folder: the opened model folder.
        engine: what runs its graphs.
        limits: what is accepted as input.
        decoder: what reads videos: `"auto"`, `"pyav"` or `"dali"`.
        decode_on: `"cpu"` or `"cuda"`: where `decoder` works and leaves its clips.
        threads: most threads that compute at a time in a call; None for as many as there are processors.

    A model whose folder has no codebook yet reads text; whatever needs its visual half raises ModelError.

    Raises:
        ModelError: tokenizer or codebook is damaged.
        MismatchError: the codebook was made for another backbone, recipe or number of visual tokens.
    """

    def __init__(
        self,
        folder: ModelFolder,
        engine: Engine,
        limits: Limits,
        decoder: DecoderName = "auto",
        decode_on: Device = "cpu",
        *,
        threads: int | None = None,
    ) -> None:
        self.config = folder.config
        self._weights = folder.hash
        self.recipe = folder.recipe
        self.engine = engine
        self.limits = limits
        self.decoder: DecoderName = decoder
        self.decode_on: Device = decode_on
        self.tokenizer = TextTokenizer(folder.read("tokenizer.json"), folder.config, limits)
        self.builder = SequenceBuilder(folder.config, self.tokenizer.special)
        self.questions = Questions(folder.config.questions, self.tokenizer, self.builder)
        # What is done beside an engine that works on several clips has the threads of one of them.
        self.threads = None if threads is None else max(1, threads // engine.parallel)
        self._folder = folder.root
        self._codebook = _codebook(folder) if folder.has_codebook else None
        self._assign: Assign | None = None
        if self._codebook is not None:
            self._assign = self._codebook.assign
            if isinstance(engine, AssignsTokens):
                self._assign = engine.assigner(self._codebook)
            elif self.threads is not None:
                self._assign = partial(self._codebook.assign, threads=self.threads)
        self._clips = ThreadPoolExecutor(engine.parallel, thread_name_prefix="videobert-backbone")
        self._by_turns = threads is not None and engine.device == "CPU"
        self._started: list[Future[Any]] = []
        self._starting = threading.Lock()

    @property
    def sees(self) -> bool:
        """Whether the model has a codebook, and so a visual half."""
        return self._codebook is not None

    @property
    def codebook(self) -> Codebook:
        """What turns features into visual tokens; ModelError if the model has none yet."""
        if self._codebook is None:
            raise no_codebook(self._folder)
        return self._codebook

    def check_sees(self) -> None:
        """Refuses a model that cannot use any video; ModelError if it has no codebook yet."""
        if self._codebook is None:
            raise no_codebook(self._folder)

    @property
    def assign(self) -> Assign:
        """`Codebook.assign`, or what the engine does in its place; ModelError if the model has no codebook yet."""
        if self._assign is None:
            raise no_codebook(self._folder)
        return self._assign

    def recipe_for(self, stride: int | None) -> Recipe:
        """The model's recipe, with another stride if one is asked for."""
        if stride is None:
            return self.recipe
        return self.recipe.replace(stride=check_stride(stride))

    def origin(self, stride: int | None = None) -> Origin:
        """Where an answer made now comes from; what a video adds to it is left open."""
        recipe = self.recipe_for(stride)
        return Origin(
            model=self.config.name,
            weights=self._weights,
            recipe=recipe.hash,
            engine=self.engine.name,
            device=self.engine.device,
            precision=self.engine.precision,
            stride=recipe.stride,
            videobert=__version__,
            fallback=self.engine.fallback,
        )

    def feature(self, frames: npt.NDArray[np.uint8] | DeviceArray) -> Future[tuple[npt.NDArray[np.float32], float]]:
        """Start the backbone on one clip, uint8 `(frames, height, width, 3)`, on the host or on a GPU.

        Later gives float32 `(feature_dim,)` and the seconds that it took. Where threads are limited, the engine's are
        waited for, so that the caller's next work comes after theirs.
        """
        future = self._clips.submit(self._feature, frames)
        if self._by_turns:
            self._take_turns(future)
        return future

    def states(
        self, items: Iterable[Masked], cancel: threading.Event | None = None
    ) -> Iterator[npt.NDArray[np.float32]]:
        """The joint encoder's final states at some positions of each sequence: float32 `(positions, width)` each."""
        remaining = iter(items)
        while group := list(islice(remaining, _BATCH)):
            stop_if(cancel)
            batch = self.builder.batch([sequence for sequence, _ in group])
            shape = (*batch.ids.shape, self.config.encoder.width)
            states = self._run("encoder", shape, ids=batch.ids, segments=batch.segments, lengths=batch.lengths)
            for row, (_, positions) in enumerate(group):
                yield states[row, list(positions)]

    def log_probs(
        self, head: Literal["text_head", "visual_head"], states: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Log-probabilities over words or visual tokens, float32 `(n, choices)`, of states `(n, width)`.

        Special words are not among the choices.
        """
        logits = self._run_head(head, states)
        if head == "text_head":
            logits[:, ~self.tokenizer.answers] = -np.inf
        return log_softmax(logits)

    def alignment_log_odds(self, states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Log-odds of "aligned", float32 `(n,)`, of `[CLS]` states `(n, width)`."""
        return self._run_head("alignment_head", states)

    def close(self) -> None:
        """Stop the threads and close the engine."""
        self._clips.shutdown(wait=True)
        self.engine.close()

    def _take_turns(self, future: Future[Any]) -> None:
        with self._starting:
            self._started.append(future)
            started = self._started
            if len(started) < self.engine.parallel:
                return
            self._started = []
        wait(started)

    def _feature(self, frames: npt.NDArray[np.uint8] | DeviceArray) -> tuple[npt.NDArray[np.float32], float]:
        began = time.perf_counter()
        if isinstance(frames, np.ndarray):
            clips: npt.NDArray[np.uint8] | DeviceArray = frames[None]
        else:
            clips = frames if self.engine.takes_device_arrays else frames.on_host()[None]
        feature = self._run("backbone", (1, self.config.backbone.feature_dim), clips=clips)[0]
        return feature, time.perf_counter() - began

    def _run_head(
        self, head: Literal["text_head", "visual_head", "alignment_head"], states: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        states = np.ascontiguousarray(states)
        blocks = [states[start : start + _HEAD_ROWS] for start in range(0, len(states), _HEAD_ROWS)]
        width = {"text_head": (self.config.words,), "visual_head": (self.config.visual_tokens,)}.get(head, ())
        return np.concatenate([self._run(head, (len(block), *width), states=block) for block in blocks])

    def _run(self, stage: Stage, shape: tuple[int, ...], **inputs: Any) -> npt.NDArray[Any]:
        """Run a stage, whose graph is no more trusted than the rest of the folder."""
        output = self.engine.run(stage, **inputs)
        if output.shape != shape:
            raise ModelError(
                f"the {stage} does not fit config.json",
                seen=f"an output of shape {output.shape}",
                allowed=shape,
                fix="Export the model folder again with `videobert build`.",
            )
        return output


def log_softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Logarithm of the softmax over the last axis, computed in float64."""
    shifted = np.asarray(logits, np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    result: npt.NDArray[np.float32] = (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).astype(np.float32)
    return result


def _codebook(folder: ModelFolder) -> Codebook:
    codebook = Codebook.from_bytes(folder.read("codebook.safetensors"))
    sizes = (len(codebook), codebook.dim)
    wanted = (folder.config.visual_tokens, folder.config.backbone.feature_dim)
    if sizes != wanted:
        raise MismatchError(
            "the codebook does not fit config.json",
            seen=f"{sizes[0]} visual tokens of {sizes[1]} values",
            allowed=f"{wanted[0]} of {wanted[1]}",
            fix="Put back the codebook that belongs to this model, or fit the model to another one with "
            f"{command('cluster VIDEOS --model', folder.root, ' --replace')}.",
        )
    # A folder that carries graphs only was checked when it was exported; its manifest ties the files together.
    codebook.check(folder.backbone_hash() or codebook.backbone_hash, folder.recipe.clip_hash)
    return codebook
