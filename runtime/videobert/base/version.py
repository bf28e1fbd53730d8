"""The version of the package, for outputs that name it."""

from __future__ import annotations

__version__ = "0.1.0"
