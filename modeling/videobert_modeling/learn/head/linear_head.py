"""A linear head by logistic regression, with the standardisation of features folded into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError

Rows = npt.NDArray[np.float64]
# A feature that hardly moves in few examples is not blown up to the size of the others: standard deviations count as
# no less than this share of the root of their mean square.
_LEAST_DEVIATION = 0.5
_MOST_STEPS = 2000
# Far below the logit of any label that was learned.
_NEVER = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """Features `(n, feature_dim)` to logits `(n, labels)`.

    Args:
        weight: float16 `(labels, feature_dim)`, as the folder stores it.
        bias: float32 `(labels,)`.
    """

    weight: npt.NDArray[np.float16]
    bias: npt.NDArray[np.float32]

    def logits(self, features: npt.NDArray[np.floating]) -> Rows:
        """float64, for what is decided about the head."""
        return features.astype(np.float64) @ self.weight.astype(np.float64).T + self.bias.astype(np.float64)


class HeadFitter:
    """Multinomial logistic regression by scikit-learn, with an L2 penalty on the weights of standardised features.

    The same rows give the same head, provided that BLAS is kept to one thread.

    Args:
        features: float64 `(n, feature_dim)`.
        targets: `(n,)`, 0 to `labels` - 1, two of them at least.
        labels: how many; one that no row has never wins: its weights are zero, and its bias is far below the others'.
    """

    def __init__(self, features: Rows, targets: npt.NDArray[np.int64], labels: int) -> None:
        self._targets, self._labels = targets, labels
        self._mean, variance = features.mean(axis=0), features.var(axis=0)
        self._deviation = np.sqrt(np.maximum(variance, _LEAST_DEVIATION**2 * variance.mean()))
        self._deviation[self._deviation == 0] = 1.0
        self._rows, self._back = _compact((features - self._mean) / self._deviation)

    def fit(self, strength: float) -> LinearHead:
        """The head.

        Args:
            strength: inverse of the penalty, scikit-learn's `C`.

        Raises:
            InputError: it does not fit half precision.
        """
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, max_iter=_MOST_STEPS).fit(self._rows, self._targets)
        weights, offsets = model.coef_, model.intercept_
        if len(model.classes_) == 2:
            # One row of scores for two labels: half of it for each keeps them centred, as with more.
            weights, offsets = np.concatenate([-weights, weights]) / 2, np.concatenate([-offsets, offsets]) / 2
        weights = (weights if self._back is None else weights @ self._back) / self._deviation
        with np.errstate(over="ignore"):
            stored = weights.astype(np.float16)
        if not np.isfinite(stored).all():
            raise InputError(
                "these features give a head that half precision cannot hold",
                seen=f"a weight of {float(np.abs(weights).max()):g}",
                allowed=f"{float(np.finfo(np.float16).max):g}",
                fix="Check that the backbone is trained: its features hardly differ from clip to clip.",
            )
        weight = np.zeros((self._labels, len(self._mean)), np.float16)
        bias = np.full(self._labels, offsets.min() - _NEVER, np.float32)
        weight[model.classes_] = stored
        # The mean goes through the weights as they are stored, so that rounding acts on deviations from it alone.
        bias[model.classes_] = offsets - stored.astype(np.float64) @ self._mean
        return LinearHead(weight=weight, bias=bias)


def _compact(rows: Rows) -> tuple[Rows, Rows | None]:
    """Fewer columns where there are more than rows: with an L2 penalty the solution lies in the span of the rows."""
    if rows.shape[0] >= rows.shape[1]:
        return rows, None
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    return left * sizes, right
