"""What `int8.json` would hold of models that many have, so that nobody has to make it. By `benchmarks/int8`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.stage_lists import BACKBONE

POINTS = Path(__file__).with_name("int8_points_data")
# By the sha256 of the backbone's portable graph, which names its weights and its shape too.
KNOWN_POINTS: Mapping[str, str] = {
    "e63881660126353fdf1059671c09be8e673993965e5c790a767004a2ba596d49": "shapes.json",
    "53cb34918b7c2424ade923dde3381d4631a7696b157d329c501abfb97ae75d11": "everyday.json",
}


def known_point(folder: ModelFolder) -> bytes | None:
    """The content of `int8.json` that is known of a model's backbone; None of other models."""
    graph = portable_graph(BACKBONE)
    name = KNOWN_POINTS.get(folder.digest(graph)) if graph in folder else None
    return None if name is None else (POINTS / name).read_bytes()
