"""The mark of tests that ask the real model `everyday`: skipped where nobody has got it, which `make check` does."""

from __future__ import annotations

import pytest

from videobert.base.errors import VideoBertError
from videobert.model.folder import find


def _is_here() -> bool:
    try:
        find("everyday")
    except VideoBertError:
        return False
    return True


needs_everyday = pytest.mark.skipif(not _is_here(), reason="the model everyday is not here: `videobert get everyday`")
