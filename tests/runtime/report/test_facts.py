"""Facts about a video name what was done to its pictures, where something was, and where the time went."""

from __future__ import annotations

import dataclasses

import pytest

from videobert.report.facts import speed, stages_overlap, timing_rows, video_facts
from videobert.results.run import Report


def test_what_was_adjusted_is_a_fact(report: Report) -> None:
    plain = video_facts(report)
    adjusted = dataclasses.replace(report, video={**report.video, "adjusted": ["hlg to bt709", "top field"]})
    assert video_facts(adjusted) == [*plain, "hlg to bt709", "top field"]


def test_stages_that_overlap_are_said_to(report: Report) -> None:
    assert stages_overlap(report)
    assert [name for name, _ in timing_rows(report)] == ["decode", "backbone", "assign", "encode"]


def test_what_no_stage_took_has_a_name(report: Report) -> None:
    longer = dataclasses.replace(report, timings_s={"decode": 0.1, "encode": 0.2, "total": 0.5})
    assert timing_rows(longer) == [("decode", 0.1), ("encode", 0.2), ("other", pytest.approx(0.2))]
    assert not stages_overlap(longer)


def test_stages_that_did_not_run_and_film_that_was_not_read_are_left_out(report: Report) -> None:
    timings_s = {"decode": 0.0, "backbone": 0.0, "assign": 0.0, "encode": 0.25, "total": 0.25}
    saved = dataclasses.replace(report, timings_s=timings_s)
    assert timing_rows(saved) == [("encode", 0.25)]
    assert speed(saved) is None
    assert speed(report) == "33× real time"
