"""Every committed result says when and on what it was measured, and what its figures are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.quoted_figures import RESULTS
from tests.benchmarks.results_schema import problems

FILES = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_committed_result_is_whole(path: Path) -> None:
    assert problems(json.loads(path.read_text(encoding="utf-8"))) == []


def whole() -> dict[str, Any]:
    return {
        "environment": {"date": "2026-11-26", "cpu": "A", "python": "3.11.7", "numpy": "2.4.6"},
        "load": {"median_s": 0.5, "n": 5},
    }


def test_a_whole_one_has_no_problem() -> None:
    assert problems(whole()) == []


@pytest.mark.parametrize("lacks", ["date", "cpu", "python", "numpy"])
def test_what_the_environment_lacks_is_found(lacks: str) -> None:
    result = whole()
    del result["environment"][lacks]
    assert problems(result)


@pytest.mark.parametrize("date", ["yesterday", "2020-01-01", None])
def test_a_date_that_is_none_is_found(date: Any) -> None:
    result = whole()
    result["environment"]["date"] = date
    assert problems(result)


def test_a_figure_without_a_unit_is_found() -> None:
    result = copy.deepcopy(whole())
    result["load"]["half-way"] = 0.25
    (problem,) = problems(result | {"load": {}, "walk": {"half-way": 0.25}})
    assert "0.25" in problem


def test_a_figure_that_is_no_number_is_found() -> None:
    assert problems(whole() | {"error": float("nan")})


def test_a_result_without_figures_is_found() -> None:
    assert problems({"environment": whole()["environment"]})
    assert problems([])
