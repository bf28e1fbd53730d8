"""What the answers of a segment rest on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from videobert.report.times import span
from videobert.results.evidence import Evidence, weightiest
from videobert.results.run import ReportSegment


def evidence_lines(segment: ReportSegment) -> list[str]:
    """A line for each question whose answer in a segment rests on several clips, and whose evidence was asked for.

    Of one clip there is nothing to say: it is the segment.
    """
    return [
        f"{name} {segment.answers[name][0].text}: {rests_on(clips)}"
        for name, clips in segment.evidence.items()
        if len(clips) > 1
    ]


def rests_on(clips: Sequence[Evidence]) -> str:
    """The clip that an answer rests on most."""
    most = weightiest(clips)
    return f"most by {span(most.start_s, most.end_s)}, {loses(most)}"


def loses(clip: Evidence) -> str:
    """What the score loses without a clip: in the word and with the sign of every other place that tells it."""
    return f"loses {clip.drop:+.3f} without it"
