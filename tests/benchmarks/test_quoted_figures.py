"""Every figure of the documentation is that of a committed result; what nobody measured is no figure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.quoted_figures import QUOTED, RESULTS, agrees, of_page, pages, problems, value_of

RESULT: dict[str, Any] = {
    "load": {"median_s": 0.4753, "q1_s": 0.4385},
    "rows": [{"name": "a/b", "ms": [3.0, 1.0, 2.0]}, {"name": "c", "ms": [5.0]}],
    "peak_bytes": 587_325_440,
}
LISTED = "# some.json\nLoading takes {load > median_s} s ({load > q1_s}–).\n# not measured: a limit\nat most 64 MB"
PAGE = "# Speed\n\nLoading takes\n0.48 s (0.44–).\n\nFiles have at most 64 MB, `3 s` long.\n"


def found(page: str, listed: str = LISTED) -> list[str]:
    return problems(page, listed, lambda name: RESULT)


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_every_figure_of_a_page_is_measured(path: Path) -> None:
    assert of_page(path) == []


def test_no_list_is_of_a_page_that_is_gone() -> None:
    assert {path.stem for path in QUOTED.glob("*.txt")} <= {path.stem for path in pages()}


def test_a_page_whose_figures_are_right_has_no_problem() -> None:
    assert found(PAGE) == []


def test_a_planted_wrong_figure_is_found() -> None:
    (problem,) = found(PAGE.replace("0.44", "0.43"))
    assert "says 0.43" in problem
    assert "0.4385" in problem


def test_a_planted_wrong_figure_is_found_in_a_page_of_the_tree() -> None:
    path = next(path for path in pages() if path.stem == "performance")
    text = path.read_text(encoding="utf-8")
    planted = re.sub(r"(\| first answer after load \| 1 s \|) [\d.]+ s", r"\1 0.28 s", text)
    assert planted != text
    listed = (QUOTED / "performance.txt").read_text(encoding="utf-8")
    assert problems(planted, listed, lambda name: json.loads((RESULTS / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "sentence",
    [
        "It takes 3.4 s.",
        "It needs 12 MB.",
        "2x as fast",
        "right in 92 % of cases",
        "40 dB",
        "7 µs",
        "30 frames per second",
    ],
)
def test_a_figure_that_nobody_listed_is_found(sentence: str) -> None:
    (problem,) = found(PAGE + sentence)
    assert "nobody said where" in problem


@pytest.mark.parametrize("sentence", ["Run it 3 times.", "224 x 224 pixels", "`--limit 12 MB`", "[it](4 s)", "v1.2"])
def test_what_is_no_figure_is_left_alone(sentence: str) -> None:
    assert found(PAGE + sentence) == []


def test_a_list_that_the_page_has_outlived_is_found() -> None:
    assert any("does not say" in problem for problem in found(PAGE.replace("Loading", "Opening")))


def test_a_place_that_is_not_in_the_file_is_found() -> None:
    (problem,) = found(PAGE, LISTED.replace("load > q1_s", "load > q9_s"))
    assert "q9_s" in problem


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("load > median_s * 1000", 475.3),
        ("10.5 / load > median_s", 10.5 / 0.4753),
        ("peak_bytes / 1e9", 0.58732544),
        ("median rows > a/b > ms", 2.0),
        ("most rows > 0 > ms", 3.0),
        ("count rows", 2.0),
        ("least rows > * > ms > 0", 3.0),
    ],
)
def test_what_stands_at_a_place(place: str, value: float) -> None:
    assert value_of(place, RESULT)[0] == pytest.approx(value)


@pytest.mark.parametrize("place", ["load", "load > none", "rows > x", "rows > a/b > name"])
def test_a_place_without_a_number(place: str) -> None:
    with pytest.raises(ValueError, match=r"no |is "):
        value_of(place, RESULT)


def test_the_rule_of_rounding() -> None:
    assert agrees("0.48", 0.4753, None)
    assert not agrees("0.48", 0.4749, None)
    assert agrees("1,934", 1934.3, None)
    assert not agrees("1,934", 1935.0, None)
    assert agrees("2,710", 2706.27, 10)
    assert not agrees("2,700", 2706.27, 10)
