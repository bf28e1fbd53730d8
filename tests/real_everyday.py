"""The mark of tests that ask the real model `everyday`: skipped where nobody has got it, which `make check` does."""

from __future__ import annotations

import pytest

from videobert.base.errors import VideoBertError
from videobert.model.folder import find


def is_here() -> bool:
    """Whether this user has got it."""
    try:
        find("everyday")
    except VideoBertError:
        return False
    return True


# `tests/conftest.py` skips what bears it where the model is not here; `pytest -m everyday` runs those tests alone.
needs_everyday = pytest.mark.everyday
REASON = "the model everyday is not here: `videobert get everyday`"
