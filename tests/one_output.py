"""What engines of tests need beside `run`, where no stage of their model has more than one output."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt


class OneOutput:
    """Part of an engine, see `videobert.engines.base.Engine`."""

    def run_all(self, stage: str, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        raise AssertionError(f"the {stage} has one output")
