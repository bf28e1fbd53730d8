"""What `int8.json` would hold of models that many have, so that nobody has to make it. By `benchmarks/int8`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.stage_lists import BACKBONE

POINTS = Path(__file__).with_name("int8_points_data")


class KnownPoint(NamedTuple):
    """One of them.

    Args:
        file: in `POINTS`.
        holds: whether what the model says, and leaves open, was shown to be as right on 8-bit values as in bf16, on
            the films that its thresholds were set on: then precision `"auto"` takes it. By
            `benchmarks/everyday/precisions.py`.
    """

    file: str
    holds: bool

    def content(self) -> bytes:
        """What `int8.json` would hold."""
        return (POINTS / self.file).read_bytes()


# By the sha256 of the backbone's portable graph, which names its weights and its shape too.
KNOWN_POINTS: Mapping[str, KnownPoint] = {
    "e63881660126353fdf1059671c09be8e673993965e5c790a767004a2ba596d49": KnownPoint("shapes.json", holds=False),
    "53cb34918b7c2424ade923dde3381d4631a7696b157d329c501abfb97ae75d11": KnownPoint("everyday.json", holds=True),
}


def known_point(folder: ModelFolder) -> KnownPoint | None:
    """What is known of a model's backbone; None of other models."""
    graph = portable_graph(BACKBONE)
    return KNOWN_POINTS.get(folder.digest(graph)) if graph in folder else None
