"""Features whose tokens are fp32's at nearly the price of bf16: only those near a tie are computed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.blas_threads import blas_threads
from videobert.engines.base import RunsInFp32
from videobert.engines.checked_stages import CheckedStages
from videobert.model.exact_margin import ExactMargin
from videobert.model.stage_lists import BACKBONE
from videobert.visual.codebook import Assignment, Codebook
from videobert.visual.near_ties import NearTies


class ExactFeatures:
    """Decides clip by clip. Thread-safe.

    Args:
        engine: what computes again.
        run: runs stages, for the checks of what goes in and comes out.
        codebook, margin: of the model.
        threads: most threads to use for the comparison; None for as many as numpy takes.
    """

    def __init__(
        self, engine: RunsInFp32, run: CheckedStages, codebook: Codebook, margin: ExactMargin, threads: int | None
    ) -> None:
        self._engine, self._run, self._margin, self._threads = engine, run, margin, threads
        self._ties = NearTies(codebook)

    def mended(
        self, clips: Any, feature: npt.NDArray[np.float32], method: Assignment
    ) -> tuple[npt.NDArray[np.float32], bool]:
        """The feature, in fp32 if its token is not sure in bf16, and whether it was computed again.

        Args:
            clips: what the backbone was given.
            feature: what it gave in bf16, float32 `(feature_dim,)`.
            method: how its token will be assigned.
        """
        if not np.isfinite(feature).all() or self._is_sure(feature, method):
            return feature, False
        return self._run.with_engine(self._engine.run_in_fp32, BACKBONE, clips=clips)[0], True

    def _is_sure(self, feature: npt.NDArray[np.float32], method: Assignment) -> bool:
        margin = self._margin.of(method)
        if self._threads is None:
            return self._ties.is_sure(feature, margin, method)
        with blas_threads(self._threads):
            return self._ties.is_sure(feature, margin, method, threads=self._threads)
