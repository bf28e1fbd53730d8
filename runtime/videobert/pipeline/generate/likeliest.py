"""The likeliest words by a decoder's logits, in an order that does not depend on how they were found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError

Floats = npt.NDArray[np.float32]


def log_sums(logits: Floats) -> npt.NDArray[np.float64]:
    """For each row of logits `(rows, words)` what is taken from them to give log-probabilities, float64 `(rows,)`.

    Raises:
        ModelError: a row is no distribution.
    """
    highest = logits.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.exp(logits - highest).sum(axis=1)
        found: npt.NDArray[np.float64] = highest[:, 0].astype(np.float64) + np.log(sums.astype(np.float64))
    if not np.isfinite(found).all():
        raise ModelError(
            "the decoder's logits are not finite",
            fix="Run the model in fp32, or check its weights with `videobert show`.",
        )
    return found


def likeliest(logits: Floats, count: int) -> npt.NDArray[np.int64]:
    """The `count` words of a row `(words,)` with the highest logits, equal ones by lower id; those at -inf are none."""
    if count < len(logits):
        least = np.partition(logits, -count)[-count]
        above = np.flatnonzero(logits > least)
        ids = np.concatenate([above, np.flatnonzero(logits == least)[: count - len(above)]])
    else:
        ids = np.arange(len(logits))
    ids = ids[logits[ids] > -np.inf]
    found: npt.NDArray[np.int64] = ids[np.lexsort((ids, -logits[ids]))]
    return found
