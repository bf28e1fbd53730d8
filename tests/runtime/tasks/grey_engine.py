"""An engine whose answers are known by hand, and a camera that counts what is asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.one_output import OneOutput

from videobert.model.stage import Stage
from videobert.results.as_json import to_json
from videobert.video.source.frame_array import FrameArray

WORDS, WIDTH, LABELS = 128, 64, 3
RED = 5  # in the tokenizer of conftest.py; then blue and green
CLIP_FRAMES = 15
LONGEST_S = 60.0

Frame = tuple[npt.NDArray[np.uint8], float]


class GreyEngine(OneOutput):
    """A clip of grey g is visual token g; a clip's colour is its token modulo three, by a margin that the token sets.

    Attributes:
        seen: grey of each clip that the backbone got.
        sequences: joint sequences that the encoder got, without padding.
        before_backbone: called with the grey of each clip.
    """

    name, device, precision, parallel, takes_device_arrays = "grey", "CPU", "fp32", 1, False
    fallback: str | None = None

    def __init__(self) -> None:
        self.leaves = np.empty((0, 0), np.float32)
        self.seen: list[int] = []
        self.sequences: list[list[int]] = []
        self.before_backbone: Callable[[int], None] = lambda grey: None
        self.closed = False

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "backbone":
            grey = int(inputs["clips"][0, 7, 24, 24, 0])
            self.before_backbone(grey)
            self.seen.append(grey)
            return self.leaves[grey][None].copy()
        if stage == "encoder":
            states = np.zeros((*inputs["ids"].shape, WIDTH), np.float32)
            states[..., 0] = inputs["ids"].sum(axis=1, where=inputs["ids"] >= WORDS)[:, None] % 97
            visual = (inputs["ids"] >= WORDS) & (inputs["ids"] < WORDS + 64)
            states[..., 1] = visual.sum(axis=1)[:, None]
            states[..., 2] = ((inputs["ids"] - WORDS) * visual).sum(axis=1)[:, None]
            self.sequences += [
                row[:length].tolist()
                for row, length in zip(*map(list, (inputs["ids"], inputs["lengths"])), strict=True)
            ]
            return states
        assert stage == "text_head"
        logits = np.full((len(inputs["states"]), WORDS), -50, np.float32)
        for row, (odd, clips, total) in enumerate(inputs["states"][:, :3]):
            logits[row, RED : RED + LABELS] = (0.1, 0.2, 0.15)
            if clips:
                logits[row, RED + int(total) % LABELS] += 2 + odd / 100
        return logits

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


class Camera:
    """An iterator of frames that counts what was asked of it. `greys` has one value for each clip.

    Args:
        gates: number of a frame to what must be set before it is given.
    """

    def __init__(self, greys: list[int], gates: dict[int, threading.Event] | None = None) -> None:
        self.greys, self.gates = greys, gates or {}
        self.asked = 0

    def __iter__(self) -> Camera:
        return self

    def __next__(self) -> Frame:
        number, self.asked = self.asked, self.asked + 1
        if number in self.gates:
            assert self.gates[number].wait(LONGEST_S)
        if number == CLIP_FRAMES * len(self.greys):
            raise StopIteration
        return np.full((48, 48, 3), self.greys[number // CLIP_FRAMES], np.uint8), number / 10


def array(greys: list[int]) -> FrameArray:
    frames = [frame for frame, _ in Camera(greys)]
    return FrameArray(np.stack(frames), np.arange(len(frames)) / 10)


def plain(segments: Any) -> list[dict[str, Any]]:
    """Segments with every digit of every score, and their pictures."""
    return [
        to_json(segment) | {"picture": None if segment.thumbnail is None else segment.thumbnail.tolist()}
        for segment in segments
    ]
