"""What both forms of a report say in the same words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from videobert.report.times import clock

if TYPE_CHECKING:
    from videobert.results.origin import Origin
    from videobert.results.run import Report

_STAGES = ("decode", "backbone", "assign", "encode")
_TROUBLES = {
    "damaged_packets": "damaged packets",
    "damaged_frames": "damaged frames",
    "frames_left_out": "frames whose time does not fit, left out",
    "clock_restarts": "restarts of the clock",
    "stills_cut": "pictures that stood still too long, cut",
    "size_changes": "changes of the picture size",
    "crop_ignored": "crop that cannot be followed",
}

_CUTS = {
    "differences": "cuts found by differences between frames",
    "saved": "cuts as they were saved",
}


def video_facts(report: Report) -> list[str]:
    """Short facts about the stream: codec, size, frame rate; none from saved tokens."""
    video = report.video
    facts = []
    if video.get("codec"):
        facts.append(str(video["codec"]))
    if video.get("width") and video.get("height"):
        facts.append(f"{video['width']}×{video['height']}")
    fps = video.get("fps")
    if isinstance(fps, (int, float)) and math.isfinite(fps):
        facts.append(f"{fps:.4g} fps")
    if video.get("rotation"):
        facts.append(f"rotated {video['rotation']}°")
    if any(video.get("crop", ())):
        facts.append("cropped")
    facts.extend(map(str, video.get("adjusted", ())))
    if video.get("tracks", 1) > 1:
        facts.append(f"track {video['track']} of 0–{video['tracks'] - 1}")
    return facts


def video_troubles(report: Report) -> list[str]:
    """What was wrong with the stream, in words; none from a sound one."""
    return [f"{words}: {report.video[name]}" for name, words in _TROUBLES.items() if report.video.get(name)]


def untrained_words(origin: Origin) -> str:
    """The untrained parts that an answer rests on, and what that means."""
    each = "it is" if len(origin.untrained) == 1 else "they are"
    return f"{', '.join(origin.untrained)}: what rests on this means nothing until {each} trained"


def recomputed_words(origin: Origin) -> str:
    """How many clips were computed again in fp32; empty where none can be."""
    if origin.recomputed is None:
        return ""
    clips = "1 clip" if origin.recomputed == 1 else f"{origin.recomputed} clips"
    return f"{clips} near a tie computed again in fp32"


def shot_facts(report: Report) -> list[str]:
    """How many shots there are, and the longest: `4 shots`, `longest 12.4 s`; none where nobody looked for cuts."""
    shots = report.shots
    if not shots:
        return []
    if len(shots) == 1:
        return ["1 shot", "no cut"]
    longest_s = max(shot.end_s - shot.start_s for shot in shots)
    return [f"{len(shots)} shots", f"longest {clock(longest_s)}"]


def shots_found_by(report: Report) -> str:
    """What looked for the cuts, in words."""
    return _CUTS.get(report.shots_by or "", f"cuts found by {report.shots_by}")


def domain_sentence(report: Report) -> str:
    """What being out of domain means for the reader."""
    return (
        "out of domain: this video is unlike what the model was trained on (median distance percentile "
        f"{_whole(report.percentile)}), so the answers mean little"
    )


def timing_rows(report: Report) -> list[tuple[str, float]]:
    """Seconds of each stage that ran, in the order in which a clip passes through them; then what the total has beside.

    Where stages overlap, what the total has beside them is more than is told, or is not told at all.
    """
    rows = _stages_that_ran(report)
    left_s = report.timings_s.get("total", 0.0) - sum(time_s for _, time_s in rows)
    return [*rows, ("other", left_s)] if rows and 0 < left_s < math.inf else rows


def stages_overlap(report: Report) -> bool:
    """Whether the stages together took longer than all of it: they run side by side."""
    return sum(time_s for _, time_s in _stages_that_ran(report)) > report.timings_s.get("total", math.inf) > 0


def _stages_that_ran(report: Report) -> list[tuple[str, float]]:
    known = [(name, report.timings_s[name]) for name in _STAGES if name in report.timings_s]
    other = [(name, time_s) for name, time_s in report.timings_s.items() if name not in (*_STAGES, "total")]
    return [(name, time_s) for name, time_s in [*known, *other] if 0 < time_s < math.inf]


def speed(report: Report) -> str | None:
    """How much faster than the video plays it was read, `34× real time`; None without a total, or if it was not."""
    total = report.timings_s.get("total", 0.0)
    # Saved tokens and features have a duration too, but nobody looked at that much film.
    read = report.timings_s.get("decode", 0.0) > 0
    if not read or not total > 0 or not report.duration_s > 0:
        return None
    ratio = report.duration_s / total
    return f"{ratio:.0f}× real time" if ratio >= 10 else f"{ratio:.1f}× real time"


def _whole(percentile: float | None) -> str:
    return f"{percentile:.0f}" if percentile is not None and math.isfinite(percentile) else "not known"
