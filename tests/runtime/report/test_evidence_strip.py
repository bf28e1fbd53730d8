"""The strip of marks below an answer, and the lines on a terminal that say the same."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from sample_report import make_report

from videobert.report.evidence_lines import evidence_lines
from videobert.report.evidence_strip import evidence_strip
from videobert.report.html import html_page
from videobert.report.terminal import print_report
from videobert.results.evidence import Evidence
from videobert.results.run import Report, Still

CLIPS = (
    Evidence(start_s=0.0, end_s=1.5, drop=0.1),
    Evidence(start_s=1.5, end_s=3.0, drop=0.4),
    Evidence(start_s=3.0, end_s=4.0, drop=-0.2),
)


def with_evidence() -> Report:
    report = make_report()
    first, *rest = report.segments
    name = next(iter(first.answers))
    return dataclasses.replace(report, segments=(dataclasses.replace(first, evidence={name: CLIPS}), *rest))


def test_each_clip_has_a_mark_where_it_is_as_strong_as_it_weighs() -> None:
    strip = evidence_strip(CLIPS)
    place = r'style="left:([\d.]+)%;width:([\d.]+)%;opacity:([\d.]+)"'
    marks = re.findall(r'<i class="([^"]*)" title="([^"]*)" ' + place, strip)
    assert [(kind, *map(float, numbers)) for kind, _, *numbers in marks] == [
        ("for", 0.0, 37.5, 0.25),
        ("for most", 37.5, 37.5, 1.0),
        ("against", 75.0, 25.0, 0.5),
    ]
    assert marks[1][1] == "1.5–3.0 s: loses +0.400 without it"
    assert "most by 1.5–3.0 s, loses +0.400 without it" in strip


def test_the_picture_of_the_weightiest_clip_is_shown() -> None:
    film = [(Still(time_s=at, picture=np.zeros((2, 2, 3), np.uint8)), f"f{at:g}") for at in (0.5, 2.0, 3.5)]
    assert '<div class="picture f2"></div>' in evidence_strip(CLIPS, film)
    assert "picture" not in evidence_strip(CLIPS, film[:1])


@pytest.mark.parametrize("clips", [(), CLIPS[:1]])
def test_of_one_clip_nothing_is_marked(clips: tuple[Evidence, ...]) -> None:
    assert evidence_strip(clips) == ""


def test_drops_of_nothing_have_marks_all_the_same() -> None:
    assert evidence_strip(tuple(dataclasses.replace(clip, drop=0.0) for clip in CLIPS)).count("<i ") == 3


def test_a_page_has_marks_where_they_were_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    plain, asked = html_page(make_report()), html_page(with_evidence())
    assert '<div class="marks">' not in plain
    assert asked.count('<div class="marks">') == 1
    assert "marks below an answer say what its score loses without each clip" in asked
    print_report(with_evidence())
    said = capsys.readouterr().out
    assert said.count("most by 1.5–3.0 s, loses +0.400 without it") == 1
    print_report(make_report())
    assert "most by" not in capsys.readouterr().out


def test_a_segment_of_one_clip_has_no_line() -> None:
    first = with_evidence().segments[0]
    assert len(evidence_lines(first)) == 1
    alone = dataclasses.replace(first, evidence={name: clips[:1] for name, clips in first.evidence.items()})
    assert evidence_lines(alone) == []
