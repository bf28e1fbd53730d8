"""The mark of tests that ask the real model `everyday`: skipped where nobody has got it, which `make check` does."""

from __future__ import annotations

import pytest

from videobert.get.catalogue import OBTAINABLE
from videobert.get.everyday import edition
from videobert.get.obtain import state_of


def is_here() -> bool:
    """Whether this user has got it, by this very release: of an older one thresholds and graphs may be others."""
    (model,) = (each for each in OBTAINABLE if each.name == "everyday")
    return state_of(model, edition()) == "here"


# `tests/conftest.py` skips what bears it where the model is not here; `pytest -m everyday` runs those tests alone.
needs_everyday = pytest.mark.everyday
REASON = "the model everyday of this release is not here: `videobert get everyday`"
