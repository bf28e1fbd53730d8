"""A report to show."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from videobert.results.run import Report

# The helpers beside this file are modules of their own.
sys.path.insert(0, str(Path(__file__).parent))

from sample_report import make_report


@pytest.fixture
def report() -> Report:
    return make_report()
