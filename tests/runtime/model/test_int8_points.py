"""Models that many have run on 8-bit values as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.real_everyday import needs_everyday
from tests.vnni import needs_vnni

import videobert
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.int8_file import int8_model, int8_of_auto
from videobert.model.int8_points import KNOWN_POINTS, POINTS, known_point
from videobert.model.int8_ranges import int8_ranges

MEDIA = Path(__file__).parents[2] / "media"
RESULTS = Path(__file__).parents[3] / "benchmarks/results"
CLIP = BUNDLED / "shapes" / "clip.mp4"


@pytest.mark.parametrize("digest", KNOWN_POINTS)
def test_each_point_belongs_to_its_graph(digest: str) -> None:
    found = json.loads(KNOWN_POINTS[digest].content())
    assert list(found["stages"]) == ["backbone"]
    assert int8_ranges(found["stages"]["backbone"]).graph == digest


def test_all_points_are_reachable() -> None:
    assert {path.name for path in POINTS.iterdir()} == {point.file for point in KNOWN_POINTS.values()}


def test_what_the_product_has_is_what_was_judged() -> None:
    """The figures beside a point are those of the committed result."""
    for name, point in (("shapes", "largest, bias"), ("everyday", "squares, bias")):
        row = json.loads((RESULTS / f"int8_{name}.json").read_text())["points"][point]
        judged = json.loads((POINTS / f"{name}.json").read_bytes())["judged"]
        sure = row["same_token_not_near_a_tie"]
        assert (judged["clips"], judged["same"]) == (row["same_token"]["of"], row["same_token"]["hits"])
        assert (judged["sure"], judged["sure_same"]) == (sure["of"], sure["hits"])
        assert judged["error"] == row["median_error"]


def test_another_model_has_none(model_folder: Path) -> None:
    assert known_point(ModelFolder(model_folder)) is None


@needs_vnni
def test_shapes_runs_on_8_bit_values(cache_dir: Path) -> None:
    judged = int8_model(ModelFolder(BUNDLED / "shapes")).judged
    assert judged is not None
    assert judged.sure_same / judged.sure > 0.99
    with videobert.load("shapes", precision="int8", cache_dir=cache_dir) as model:
        assert (model.origin.precision, model.origin.int8) == ("int8", ("backbone",))
        found = model.tokens(CLIP)
    with videobert.load("shapes", precision="fp32", cache_dir=cache_dir) as model:
        wanted = model.tokens(CLIP)
    assert (found.percentiles != wanted.percentiles).any()
    assert (found.ids == wanted.ids).mean() >= 0.7


def test_auto_takes_the_point_whose_answers_were_held_to_fp32() -> None:
    """On the films that the thresholds were set on no window is left open that fp32 would answer, nor the reverse."""
    held = [point.file for point in KNOWN_POINTS.values() if point.holds]
    assert held == ["everyday.json"]
    seen = json.loads((RESULTS / "everyday_int8_thresholds.json").read_text())
    rows = seen["precisions"]
    kept = {each: row["kept"][str(seen["energy_at_least"])] for each, row in rows.items()}
    assert rows["int8"]["with_fp32"]["left_open_in_one_only"] == 0
    sure = rows["int8"]["with_fp32"]["first_action_not_near_a_tie"]
    assert sure["hits"] >= 0.99 * sure["of"]
    assert rows["int8"]["right_first"]["windows"] >= rows["fp32"]["right_first"]["windows"]
    assert kept["int8"]["right_kept"] >= min(kept["fp32"]["right_kept"], kept["bf16"]["right_kept"])
    assert kept["int8"]["other_kept"] <= kept["fp32"]["other_kept"]
    assert int8_of_auto(ModelFolder(BUNDLED / "shapes")) is None


@needs_vnni
@needs_everyday
def test_everyday_runs_on_8_bit_values_unless_another_precision_is_asked_for() -> None:
    with videobert.load("everyday") as model:
        assert (model.origin.precision, set(model.origin.int8)) == ("int8", {"backbone", "shot_boundaries"})
    with videobert.load("everyday", precision="exact") as model:
        assert (model.origin.precision, model.origin.int8) == ("exact", ("shot_boundaries",))
    with videobert.load("everyday", precision="fp32") as model:
        assert (model.origin.precision, model.origin.int8) == ("fp32", ())


@needs_vnni
@needs_everyday
def test_everyday_names_and_leaves_open_on_8_bit_values_what_it_does_else() -> None:
    with videobert.load("everyday", precision="int8") as model:
        assert set(model.origin.int8) == {"backbone", "shot_boundaries"}
        car = model.run(MEDIA / "driving_car.mp4").segments[0]
        assert (car.answers["action"][0].text, "action" in car.unsure) == ("driving car", False)
        film = model.run(MEDIA / "bigbuckbunny.mp4")
        assert all("action" in segment.unsure for segment in film.segments)
