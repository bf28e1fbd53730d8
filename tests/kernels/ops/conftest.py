"""Lets the tests of attention and of attention over a cache import `packed_inputs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
