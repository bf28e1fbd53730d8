"""The search box of the HTML report, in a real browser where there is one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from sample_report import make_everyday_report
from tests.headless_browser import BROWSER, Tab, opened

from videobert.report.html import html_page
from videobert.report.page_search import SCRIPT, SEARCH_BOX
from videobert.results.candidate import Candidate
from videobert.results.run import Report

# Of each stretch whether it is shown, of each mark whether it stands back.
STRETCHES = "[...document.querySelectorAll('.segment')].map(each => getComputedStyle(each).display != 'none')"
EVENTS = "[...document.querySelectorAll('.event')].map(each => getComputedStyle(each).display != 'none')"
BLOCKS = "[...document.querySelectorAll('.block.missed')].length"


def hostile() -> Report:
    """A report whose last stretch has a name that would run, were it markup."""
    report = make_everyday_report(source="<script>window.ran = 1</script>")
    *first, last = report.segments
    odd = Candidate(text="<img src=x onerror='window.ran = 1'>Émile", id=None, score=0.9)
    return dataclasses.replace(
        report, segments=(*first, dataclasses.replace(last, answers={"action": (odd,)}, unsure=()))
    )


def test_the_script_and_the_box_hold_nothing_of_a_report() -> None:
    page, other = html_page(make_everyday_report()), html_page(hostile())
    for part in (SCRIPT, SEARCH_BOX):
        assert page.count(part) == other.count(part) == 1
    # Where scripts do not run, no dead box stands there.
    assert '<div class="search" hidden>' in SEARCH_BOX


def test_a_report_without_stretches_has_no_box() -> None:
    assert "<script" not in html_page(make_everyday_report(segments=()))


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    if BROWSER is None:
        pytest.skip("no browser is here")
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(html_page(hostile()), encoding="utf-8")
    with opened(folder / "report.html", folder / "profile") as tab:
        yield tab


def search(tab: Tab, text: str) -> str:
    """Types into the box; what the page says of what it found."""
    tab.value("box = document.getElementById('find'); box.focus(); box.select(); document.execCommand('delete'); 0")
    tab.type(text)
    return str(tab.value("document.getElementById('found').textContent"))


@pytest.mark.parametrize(
    ("typed", "found", "stretches", "events"),
    [
        ("wrestling", "1 of 4 stretches", [True, False, False, False], [True, False, False, False]),
        ("  SLAPPING   arm ", "1 of 4 stretches", [True, False, False, False], [False] * 4),
        # A first guess is found too; on the page it is called unsure.
        ("cricket", "1 of 4 stretches", [False, True, False, False], [False] * 4),
        ("fox", "1 of 4 stretches", [False, False, True, False], [False, False, True, False]),
        ("emile", "1 of 4 stretches", [False, False, False, True], [False, False, False, True]),
        ("<img", "1 of 4 stretches", [False, False, False, True], [False, False, False, True]),
        # Headings are no answers.
        ("action", "0 of 4 stretches", [False] * 4, [False] * 4),
        (".*", "0 of 4 stretches", [False] * 4, [False] * 4),
        (" ", "", [True] * 4, [True] * 4),
    ],
)
def test_words_find_stretches(tab: Tab, typed: str, found: str, stretches: list[bool], events: list[bool]) -> None:
    assert search(tab, typed) == found
    assert tab.value(STRETCHES) == stretches
    assert tab.value(EVENTS) == events
    assert (tab.value(BLOCKS) == 0) == (not typed.strip())
    assert tab.value("window.ran === undefined")
