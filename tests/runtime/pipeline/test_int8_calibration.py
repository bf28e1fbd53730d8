"""The backbone on 8-bit values: calibrated on some clips, judged on others, used where int8 is asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.vnni import needs_vnni

import videobert
from videobert.base.errors import EngineUnavailable, InputError, ModelError, UsageError
from videobert.engines import openvino_engine
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.int8_file import INT8_FILE, Int8Model, int8_model, write_int8_model
from videobert.model.manifest import write_manifest
from videobert.pipeline.int8_calibration import calibrated_int8

CLIP = BUNDLED / "shapes" / "clip.mp4"
FIRST = "node_conv3d"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Int8Model]:
    place = tmp_path_factory.mktemp("int8") / "model"
    shutil.copytree(BUNDLED / "shapes", place)
    found = calibrated_int8(ModelFolder(place), [CLIP] * 3, frozenset({FIRST}))
    write_int8_model(place, found)
    write_manifest(place)
    return place, found


@needs_vnni
def test_it_is_judged_on_clips_that_were_not_observed(made: tuple[Path, Int8Model]) -> None:
    judged = made[1].judged
    assert judged is not None
    assert judged.clips == 10  # of 21, every other one
    assert 0 < judged.error < 0.1
    assert judged.same >= 8
    assert judged.sure_same <= judged.sure <= judged.clips


@needs_vnni
def test_kept_layers_are_left_out(made: tuple[Path, Int8Model]) -> None:
    tops = made[1].stages["backbone"].tops
    assert FIRST not in tops
    assert len(tops) == 76


@needs_vnni
def test_what_is_written_is_read_and_used(made: tuple[Path, Int8Model]) -> None:
    place, found = made
    assert int8_model(ModelFolder(place)) == found
    with videobert.load(place, precision="int8") as model, videobert.load(place) as plain:
        assert (model.origin.precision, model.origin.int8) == ("int8", ("backbone",))
        assert plain.origin.int8 == ()
        tokens, wanted = model.tokens(CLIP), plain.tokens(CLIP)
        assert tokens.precision == "int8"
        assert (tokens.ids == wanted.ids).mean() >= 0.7
        assert (tokens.percentiles != wanted.percentiles).any()


@needs_vnni
def test_a_model_that_was_not_made_ready_says_how(model_folder: Path) -> None:
    with pytest.raises(ModelError, match="never made ready") as refused:
        videobert.load(model_folder, precision="int8")
    assert "--precision int8 --clips" in str(refused.value.fix)


@needs_vnni
@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"stages": {}},
        {"stages": []},
        {"stages": {"nearest": 1}},
        {"judged": 3},
        {"judged": {"clips": -1}},
    ],
)
def test_a_damaged_file_is_refused(made: tuple[Path, Int8Model], tmp_path: Path, change: dict[str, Any]) -> None:
    shutil.copytree(made[0], tmp_path / "model")
    (tmp_path / "model" / INT8_FILE).write_text(json.dumps(made[1].to_json() | change))
    write_manifest(tmp_path / "model")
    with pytest.raises(ModelError):
        int8_model(ModelFolder(tmp_path / "model"))


@needs_vnni
def test_that_of_other_graphs_is_refused(made: tuple[Path, Int8Model], tmp_path: Path) -> None:
    shutil.copytree(made[0], tmp_path / "model")
    stages = {"encoder": made[1].stages["backbone"].to_json()}
    (tmp_path / "model" / INT8_FILE).write_text(json.dumps(made[1].to_json() | {"stages": stages}))
    write_manifest(tmp_path / "model")
    with pytest.raises(ModelError, match="other graphs"):
        int8_model(ModelFolder(tmp_path / "model"))


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(InputError, match="too few clips"):
        calibrated_int8(ModelFolder("shapes"), [CLIP], frozenset())


def test_processors_that_do_not_sum_exactly_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx2": True})
    with pytest.raises(EngineUnavailable, match="8-bit"):
        videobert.load("shapes", precision="int8")


@pytest.mark.parametrize("engine", ["torch", "tensorrt"])
def test_other_engines_refuse_it(engine: str) -> None:
    with pytest.raises(UsageError, match="no precision int8"):
        videobert.load("shapes", engine=engine, precision="int8")
