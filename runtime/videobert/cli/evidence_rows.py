"""What each clip adds to an answer, as lines on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from videobert.cli.stdout import for_a_person, print_rows, print_text
from videobert.report.times import span
from videobert.results.evidence import Evidence

# Of every verb that scores clips.
EvidenceOption = Annotated[
    bool, typer.Option("--evidence", help="Say too what the score of each answer loses without each clip.")
]


def print_evidence(clips: Sequence[Evidence], about: str) -> None:
    """The clips that an answer rests on, the weightiest first; nothing where none were asked for.

    Args:
        about: the answer.
    """
    if not clips:
        return
    if for_a_person():
        print_text(f"{about}: what its score loses without each clip")
    ranked = sorted(clips, key=lambda clip: -clip.drop)
    print_rows(("time", "clip of", "loses"), [(span(c.start_s, c.end_s), about, f"{c.drop:+.3f}") for c in ranked])
