"""A report with every field filled, and what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.results.candidate import Candidate
from videobert.results.origin import Origin
from videobert.results.run import Report, ReportSegment, Shot, Still
from videobert.text.answer_sentences import UNSURE_TEXT

ORIGIN = Origin(
    model="shapes",
    weights="fedcba9876543210",
    recipe="0123456789abcdef",
    engine="openvino",
    device="CPU",
    precision="bf16",
    stride=1,
    videobert="0.1.0",
)


def candidates(*answers: tuple[str, float]) -> tuple[Candidate, ...]:
    return tuple(Candidate(text=text, id=None, score=score, log_prior=-1.5) for text, score in answers)


def picture(red: int, green: int, blue: int) -> npt.NDArray[np.uint8]:
    """A disc of one colour on a shaded ground."""
    y, x = np.mgrid[0:96, 0:160]
    shade = (60 + 80 * x / 160 + 60 * y / 96)[..., None] * np.array([0.8, 0.9, 1.0])
    inside = ((x - 80) ** 2 + (y - 48) ** 2 < 34**2)[..., None]
    return np.where(inside, [red, green, blue], shade).astype(np.uint8)


def make_report(**changes: Any) -> Report:
    """Three segments, two questions, every field filled."""
    segments = (
        ReportSegment(
            start_s=0.0,
            end_s=1.5,
            answers={
                "colour": candidates(("red", 0.97), ("orange", 0.02)),
                "motion": candidates(("spins", 0.88), ("grows", 0.1)),
            },
            tokens=(712,),
            percentile=34.5,
            thumbnail=picture(220, 40, 40),
            sentence="It is red. It spins.",
        ),
        ReportSegment(
            start_s=1.5,
            end_s=6.0,
            answers={
                "colour": candidates(("blue", 0.91), ("purple", 0.06)),
                "motion": candidates(("spins", 0.7), ("bounces", 0.2)),
            },
            tokens=(3, 1041, 88),
            percentile=61.0,
            thumbnail=picture(40, 70, 220),
            sentence="It is blue. It spins.",
        ),
        ReportSegment(
            start_s=6.0,
            end_s=10.5,
            answers={
                "colour": candidates(("green", 0.99), ("yellow", 0.01)),
                "motion": candidates(("bounces", 0.95), ("slides", 0.03)),
            },
            tokens=(5, 6, 5),
            percentile=99.6,
            padded_frames=12,
            thumbnail=picture(40, 180, 60),
            sentence="It is green. It bounces.",
        ),
    )
    fields: dict[str, Any] = {
        "source": "clip.mp4",
        "duration_s": 10.1,
        "video": {"codec": "h264", "width": 854, "height": 480, "duration_s": 10.1},
        "segments": segments,
        "percentile": 61.0,
        "out_of_domain": False,
        "timings_s": {"decode": 0.12, "backbone": 0.2, "assign": 0.0007, "encode": 0.03, "total": 0.31},
        "origin": ORIGIN,
        "stills": tuple(Still(time_s=0.25 + 0.5 * n, picture=picture(12 * n, 90, 40)) for n in range(21)),
    }
    return Report(**(fields | changes))


def make_everyday_report(**changes: Any) -> Report:
    """Four segments and three shots of real film, as a model says that has no percentiles and may be unsure."""
    seen: list[tuple[float, float, tuple[tuple[str, float], ...], tuple[tuple[str, float], ...], tuple[str, ...]]] = [
        (0.0, 5.12, (("arm wrestling", 0.99), ("slapping", 0.01)), (("sweatshirt", 0.41), ("dumbbell", 0.2)), ()),
        (
            5.12,
            10.24,
            (("playing cricket", 0.7), ("hurling (sport)", 0.1)),
            (("crossword puzzle", 0.08), ("racket", 0.05)),
            ("action", "object"),
        ),
        (
            10.24,
            12.8,
            (("grooming dog", 0.9), ("petting animal", 0.1)),
            (("red fox", 0.88), ("kit fox", 0.1)),
            ("action",),
        ),
        (
            12.8,
            20.48,
            (("catching or throwing softball", 0.93), ("playing cricket", 0.05)),
            (("American Staffordshire terrier", 0.52), ("whippet", 0.2)),
            (),
        ),
    ]
    segments = tuple(
        ReportSegment(
            start_s=start_s,
            end_s=end_s,
            answers={"action": candidates(*action), "object": candidates(*object_)},
            tokens=(6, 6, 350),
            percentile=None,
            unsure=unsure,
            thumbnail=picture(40 * place, 120, 220 - 40 * place),
            sentence=UNSURE_TEXT if "action" in unsure else f"Someone is {action[0][0]}.",
        )
        for place, (start_s, end_s, action, object_, unsure) in enumerate(seen)
    )
    fields: dict[str, Any] = {
        "source": "holiday.mp4",
        "duration_s": 20.48,
        "segments": segments,
        "percentile": None,
        "shots": (Shot(start_s=0.0, end_s=5.16), Shot(start_s=5.16, end_s=10.2), Shot(start_s=10.2, end_s=20.48)),
        "shots_by": "transnet_v2",
        "stills": tuple(Still(time_s=0.5 + n, picture=picture(12 * n, 90, 40)) for n in range(20)),
    }
    return make_report(**(fields | changes))
