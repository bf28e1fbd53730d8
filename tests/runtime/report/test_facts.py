"""Facts about a video name what was done to its pictures, where something was."""

from __future__ import annotations

import dataclasses

from videobert.report.facts import video_facts
from videobert.results.run import Report


def test_what_was_adjusted_is_a_fact(report: Report) -> None:
    plain = video_facts(report)
    adjusted = dataclasses.replace(report, video={**report.video, "adjusted": ["hlg to bt709", "top field"]})
    assert video_facts(adjusted) == [*plain, "hlg to bt709", "top field"]
