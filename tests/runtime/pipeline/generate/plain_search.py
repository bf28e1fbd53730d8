"""Greedy and beam search over whole sequences, word tables and all, as plainly as they can be told.

Written from the description of beam search in transformers: nothing is cached, nothing is batched, every candidate is
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NextWord = Callable[[list[int]], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Task:
    """What is searched for; the names are those of `videobert.pipeline.generate.options.Search`."""

    begin: tuple[int, ...]
    end: int
    barred: tuple[int, ...]
    beams: int
    most: int
    least: int = 0
    length_penalty: float = 1.0
    no_repeat: int = 0
    force_end: bool = True
    stop_early: bool = False


def allowed(task: Task, said: list[int], log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Log-probabilities with what is forbidden at minus infinity; at the last place of all only the end is left."""
    log_probs = log_probs.copy()
    if task.force_end and len(said) == task.most - 1:
        log_probs[:] = -np.inf
        log_probs[task.end] = 0.0
        return log_probs
    log_probs[[word for word in task.barred if word != task.end]] = -np.inf
    if len(said) < task.least:
        log_probs[task.end] = -np.inf
    whole = [*task.begin, *said]
    size = task.no_repeat
    for word in range(len(log_probs) if size else 0):
        grams = [tuple(whole[at : at + size]) for at in range(len(whole) - size + 1)]
        if len(whole) >= size and tuple([*whole, word][-size:]) in grams:
            log_probs[word] = -np.inf
    return log_probs


def greedy(task: Task, next_word: NextWord) -> tuple[list[int], float]:
    """The likeliest word each time, the lower id of equal ones; words and sum of log-probabilities."""
    said: list[int] = []
    score = 0.0
    while len(said) < task.most:
        log_probs = allowed(task, said, next_word([*task.begin, *said]))
        word = int(log_probs.argmax())
        score += float(log_probs[word])
        if word == task.end:
            break
        said.append(word)
    return said, score


def beam(task: Task, next_word: NextWord) -> list[tuple[list[int], float, float]]:
    """Words, score and normalised score of each sentence, best first."""
    live: list[tuple[list[int], float]] = [([], 0.0)]
    done: list[tuple[list[int], float, float]] = []
    for length in range(1, task.most + 1):
        candidates = []
        for said, score in live:
            log_probs = allowed(task, said, next_word([*task.begin, *said]))
            candidates += [(score + float(log_probs[word]), said, word) for word in range(len(log_probs))]
        ranked = sorted((one for one in candidates if one[0] > -np.inf), key=lambda one: -one[0])[: 2 * task.beams]
        for score, said, word in ranked[: task.beams]:
            if word == task.end:
                done.append((said, score, score / length**task.length_penalty))
        done = sorted(done, key=lambda one: -one[2])[: task.beams]
        live = [([*said, word], score) for score, said, word in ranked if word != task.end][: task.beams]
        if not live:
            break
        full = len(done) == task.beams
        if full and (task.stop_early or live[0][1] / length**task.length_penalty <= done[-1][2]):
            return done
    done += [(said, score, score / task.most**task.length_penalty) for said, score in live]
    return sorted(done, key=lambda one: -one[2])[: task.beams]


def words_of(sentences: Sequence[tuple[list[int], float, float]]) -> list[tuple[int, ...]]:
    """The words alone."""
    return [tuple(said) for said, _, _ in sentences]
