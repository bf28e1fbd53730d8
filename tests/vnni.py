"""The mark of tests that need a processor which sums 8-bit products exactly."""

from __future__ import annotations

import pytest

from videobert.engines.openvino_engine import multiplies_int8

needs_vnni = pytest.mark.skipif(not multiplies_int8(), reason="the processor has no VNNI")
