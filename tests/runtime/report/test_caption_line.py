"""A few sentences about a video: each once, in order, and only where the answers stand."""

from __future__ import annotations

import dataclasses

import pytest
from sample_report import make_everyday_report, make_report

from videobert.report.caption_line import caption_line
from videobert.report.html import html_page
from videobert.results.run import Report


def with_sentences(*sentences: str | None) -> Report:
    report = make_report()
    segments = tuple(dataclasses.replace(report.segments[0], sentence=each) for each in sentences)
    return dataclasses.replace(report, segments=segments)


@pytest.mark.parametrize(
    ("sentences", "line"),
    [
        (["A.", "B."], "A. · B."),
        # Neighbours that say the same say it once; the same later is said again.
        (["A.", "A.", "B.", "A."], "A. · B. · A."),
        (["A.", "Unsure what is shown here.", "A."], "A."),
        (["Unsure what is shown here."] * 3, "Unsure what is shown here."),
        (["A.", "B.", "C.", "D.", "E."], "A. · B. · C. · and 2 more"),
        ([None, None], ""),
        ([], ""),
    ],
)
def test_a_line_of_the_first_sentences(sentences: list[str | None], line: str) -> None:
    assert caption_line(with_sentences(*sentences)) == line


def test_nothing_is_said_of_a_film_out_of_domain() -> None:
    report = dataclasses.replace(make_report(), out_of_domain=True, percentile=99.9)
    assert caption_line(report) == ""
    assert "caption from labels" not in html_page(report)


def test_a_page_says_what_its_caption_is_made_of_and_shows_it_as_text() -> None:
    page = html_page(make_everyday_report())
    assert "Someone is arm wrestling. · Someone is catching or throwing softball." in page
    assert ">caption from labels</span>" in page
    assert "&lt;b&gt;bold" in html_page(with_sentences("<b>bold"))
