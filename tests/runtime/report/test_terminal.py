"""A report of real film as text: one line an event where there is room, calm where the model is unsure."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from typing import Any

import pytest
from rich.cells import cell_len
from sample_report import make_everyday_report, make_report

from videobert.report.screen import screen
from videobert.report.terminal import SegmentLines, print_report
from videobert.results.run import Report, Shot

STYLES = re.compile(r"\x1b\[[0-9;]*m")
ANSWERS = "time answer of score"
BOLD = re.compile(r"\x1b\[[0-9;]*\b1(?:;[0-9]+)*m([^\x1b]*)")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(report: Report, width: int | None, monkeypatch: pytest.MonkeyPatch, yielding: tuple[str, ...] = ()) -> str:
    """What a terminal of this width shows, with styles; a file for None."""
    out = io.StringIO() if width is None else Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setenv("TERM", "xterm-256color")
        if width is not None:
            patch.setenv("COLUMNS", str(width))
        if yielding:
            lines = SegmentLines(report.segments, yielding=yielding)
            lines.print_heading(screen())
            for segment in report.segments:
                lines.print_segment(screen(), segment)
        else:
            print_report(report)
    return out.getvalue()


def lines_of(text: str) -> list[str]:
    return STYLES.sub("", text).splitlines()


@pytest.fixture
def everyday() -> Report:
    return make_everyday_report()


def test_a_line_an_event_with_the_first_guess_behind_open_answers(everyday: Report, monkeypatch: Any) -> None:
    for width in (None, 120):
        heading, *events = lines_of(shown(everyday, width, monkeypatch))[1:6]
        assert heading.split() == ["time", "action", "object", "tokens"]
        assert [event.split("  ")[0] for event in events] == ["0.0–5.1 s", "5.1–10.2 s", "10.2–12.8 s", "12.8–20.5 s"]
        assert "unsure (playing cricket 0.70)" in events[1]
        assert "unsure (crossword puzzle 0.08)" in events[1]
        assert "unsure (grooming dog 0.90)" in events[2]
        assert "red fox 0.88" in events[2]


def test_nothing_is_said_of_percentiles_where_there_are_none(everyday: Report, monkeypatch: Any) -> None:
    for width in (None, 40, 120):
        text = shown(everyday, width, monkeypatch)
        assert not re.search("percentile|domain|None|nan", text)
    assert "percentile" in shown(make_report(), 120, monkeypatch)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_an_open_answer_is_faint_at_every_width_and_never_bold(width: int, everyday: Report, monkeypatch: Any) -> None:
    text = shown(everyday, width, monkeypatch)
    assert re.search(r"\x1b\[2munsure", text)
    bold = " ".join(BOLD.findall(text))
    for word in ("unsure", "cricket", "grooming", "crossword"):
        assert word not in bold
    assert "wrestling" in bold
    # A page of nothing but open answers has its name in bold, and no colour at all.
    all_open = [dataclasses.replace(segment, unsure=("action", "object")) for segment in everyday.segments]
    calm = shown(dataclasses.replace(everyday, segments=tuple(all_open)), width, monkeypatch)
    assert BOLD.findall(calm) == ["holiday.mp4"]
    assert not re.search(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|9[0-7]|38;)", calm)


def test_a_guess_never_widens_a_column(everyday: Report, monkeypatch: Any) -> None:
    narrow = lines_of(shown(everyday, 40, monkeypatch))
    assert any(line.split()[-1] == "unsure" for line in narrow)
    for width in (30, 40, 60, 80, 100, 120, 160):
        assert all(cell_len(line) <= width for line in lines_of(shown(everyday, width, monkeypatch)))


def test_the_first_question_has_priority_where_the_terminal_is_narrow(everyday: Report, monkeypatch: Any) -> None:
    by_turns, first = (lines_of(shown(everyday, 66, monkeypatch, yielding)) for yielding in (("none",), ("object",)))
    assert "catching or throwing softball 0.93" in " ".join(first)
    assert not any("softball 0.93" in line and "catching" in line for line in by_turns)
    # Where not even its longest word has room beside the first question's, it is left out, and that is said.
    lines = _made(everyday, 36, monkeypatch)
    assert lines.left_out == ("object", "tokens")


def _made(report: Report, width: int, monkeypatch: pytest.MonkeyPatch) -> SegmentLines:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        patch.setenv("COLUMNS", str(width))
        return SegmentLines(report.segments, yielding=("object",))


def test_open_answers_are_explained_once_and_only_where_there_are_any(everyday: Report, monkeypatch: Any) -> None:
    said = "unsure: the model does not know what is seen there well enough"
    assert shown(everyday, None, monkeypatch).count(said) == 1
    sure = tuple(dataclasses.replace(segment, unsure=()) for segment in everyday.segments)
    assert "unsure" not in shown(dataclasses.replace(everyday, segments=sure), None, monkeypatch)


@pytest.mark.parametrize(
    ("shots", "by", "said"),
    [
        (3, "transnet_v2", "3 shots, longest 10.3 s  cuts found by transnet_v2"),
        (2, "differences", "2 shots, longest 5.2 s  cuts found by differences between frames"),
        (1, "saved", "1 shot, no cut  cuts as they were saved"),
        (0, None, None),
    ],
)
def test_the_shots_have_a_line(
    shots: int, by: str | None, said: str | None, everyday: Report, monkeypatch: Any
) -> None:
    text = lines_of(shown(dataclasses.replace(everyday, shots=everyday.shots[:shots], shots_by=by), None, monkeypatch))
    assert [line for line in text if "shot" in line] == ([] if said is None else [said])


def test_of_a_hostile_name_of_what_found_the_cuts_nothing_reaches_the_terminal(
    everyday: Report, monkeypatch: Any
) -> None:
    text = shown(
        dataclasses.replace(everyday, shots=(Shot(start_s=0, end_s=1),), shots_by="\x1b]0;x"), None, monkeypatch
    )
    assert "\x1b" not in text


def test_a_segment_without_a_percentile_among_others_keeps_its_column(monkeypatch: Any) -> None:
    report = make_report()
    first, *rest = report.segments
    mixed = dataclasses.replace(report, segments=(dataclasses.replace(first, percentile=None), *rest))
    for width in (30, 120):
        assert "–" in " ".join(lines_of(shown(mixed, width, monkeypatch))[2:])


def test_untrained_parts_are_one_calm_line(monkeypatch: pytest.MonkeyPatch) -> None:
    report = make_report()
    assert "untrained" not in shown(report, 200, monkeypatch)
    told = dataclasses.replace(report, origin=dataclasses.replace(report.origin, untrained=("text_head",)))
    plain = STYLES.sub("", shown(told, 200, monkeypatch))
    (line,) = (line for line in plain.splitlines() if "untrained" in line)
    assert line.strip() == "untrained  text_head: what rests on this means nothing until it is trained"


def test_a_caption_and_what_outlasts_a_segment_stand_below_the_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines_of(shown(make_report(), 60, monkeypatch))
    assert "caption from labels  It is red. It spins. · It is blue. It" in text
    at = next(place for place, line in enumerate(text) if line.split() == ["time", "answer", "of", "score"])
    assert [line.split() for line in text[at + 1 : at + 4]] == [
        ["0.0–1.5", "s", "red", "colour", "0.97"],
        ["0.0–6.0", "s", "spins", "motion", "0.74"],
        ["1.5–6.0", "s", "blue", "colour", "0.91"],
    ]
    # Where each event is a segment, the segments tell them; where answers mean little, they are not told again.
    assert not any(
        ANSWERS in " ".join(line.split()) for line in lines_of(shown(make_everyday_report(), 60, monkeypatch))
    )
    doubted = lines_of(shown(make_report(out_of_domain=True, percentile=99.9), 60, monkeypatch))
    assert not any(ANSWERS in " ".join(line.split()) or line.startswith("caption") for line in doubted)


def test_of_very_many_events_the_longest_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    report = make_report()
    first, second, _ = report.segments
    segments = tuple(
        dataclasses.replace(first if k % 2 else second, start_s=float(k), end_s=k + 1.0) for k in range(200)
    )
    text = lines_of(shown(dataclasses.replace(report, segments=segments), None, monkeypatch))
    at = next(place for place, line in enumerate(text) if ANSWERS in " ".join(line.split()))
    # `spins` goes on all the time, and colours change.
    assert "spins" in text[at + 1] or "spins" in text[at + 2]
    assert "and 181 shorter ones, which --json has in its segments" in text[at + 21]
