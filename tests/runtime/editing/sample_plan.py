"""A plan by hand, without a model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from videobert.base.limits import Limits
from videobert.editing.edited_film import edited_film
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import read_frame_table
from videobert.results.edit import EditPlan, EditSpan
from videobert.results.origin import Origin

ORIGIN = Origin(model="m", weights="0", recipe="0", engine="e", device="CPU", precision="fp32", stride=1, videobert="0")


def make_plan(source: Path, spans: Iterable[tuple[int, int]]) -> EditPlan:
    """Frames of a film, in the order given."""
    film = FilmSource(source, None, Limits())
    table = read_frame_table(film)
    kept = tuple(
        EditSpan(
            start_s=float(table.time(first)),
            end_s=float(table.time(end)),
            first_frame=first,
            frames=end - first,
            why="by hand",
        )
        for first, end in spans
    )
    return EditPlan(
        spans=kept,
        duration_s=sum(each.end_s - each.start_s for each in kept),
        film=edited_film(film, table),
        instruction=None,
        steps=(),
        sought=(),
        percentile=None,
        out_of_domain=False,
        origin=ORIGIN,
    )
