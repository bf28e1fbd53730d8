"""The bundled model's engines, really built: what they hold, and what they were made from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from videobert.base.errors import (
    EngineUnavailable,
    InputError,
    ModelError,
    VideoBertError,
)
from videobert.engines.tensorrt.build.engine_folder import build_engines, check_job
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.build.targets import CAPABILITIES
from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.engines.tensorrt.plan_info import read_fusion, read_header
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar, read_sidecar
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model.compiled_places import folder_for_building
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.graph_files import missing_graphs, stages_of
from videobert.model.precision import GRAPH_PRECISIONS

Built = tuple[Path, dict[str, Any], Path]
VERSION = "1.7.1.116"
LIBRARY = "tensorrt_rtx"


def test_every_stage_is_built_for_every_target_without_torch_and_onnx(built: Built) -> None:
    out, said, _ = built
    folder = ModelFolder(out)
    folder.verify()
    assert [row["name"] for row in said["built"]] == list(stages_of(folder.config))
    for row in said["built"]:
        plan = (out / "engines" / "tensorrt-rtx" / f"{row['name']}.plan").read_bytes()
        header = read_header(plan)
        assert header.targets == CAPABILITIES == tuple(row["targets"])
        assert header.version == VERSION
        assert header.size_bytes == len(plan) == row["size_bytes"]
        assert header.known
        assert row["build_s"] < 60
        assert row["peak_memory_bytes"] < 3 << 30


def test_attention_is_fused_in_every_layer_of_every_profile(built: Built) -> None:
    out, said, _ = built
    folder = ModelFolder(out)
    layers = folder.config.encoder.layers
    profiles = len(profiles_of("encoder", folder.config, folder.recipe))
    (row,) = [row for row in said["built"] if row["name"] == "encoder"]
    fusion = read_fusion((out / "engines" / "tensorrt-rtx" / "encoder.plan").read_bytes())
    assert fusion is not None
    assert fusion.attention == row["fused_attention"] == row["expected_attention"] == layers * profiles == 6
    assert f"fused attention {layers * profiles} of {layers * profiles}" in row["summary"]


def test_a_sidecar_says_what_the_plan_was_made_from(built: Built) -> None:
    out, _, _ = built
    folder = ModelFolder(out)
    sidecar = read_sidecar(out / "engines" / "tensorrt-rtx" / "encoder.json")
    plan = (out / "engines" / "tensorrt-rtx" / "encoder.plan").read_bytes()
    recipe = sidecar.recipe
    assert sidecar.sha256 == hashlib.sha256(plan).hexdigest()
    assert recipe["graph"] == folder.digest("graphs/encoder.fp16.onnx")
    assert recipe["weights"] == folder.digest("graphs/encoder.onnx")
    assert (recipe["library"], recipe["version"], recipe["precision"]) == (LIBRARY, VERSION, "fp16")
    assert tuple(recipe["targets"]) == CAPABILITIES
    assert recipe["attention"] == "lengths"
    assert [profile["inputs"]["ids"][2] for profile in recipe["profiles"]] == [[8, 64], [8, 128]]


def test_a_second_build_takes_the_plans_from_the_cache(built: Built, command: Any, tmp_path: Path) -> None:
    out, said, cache = built
    sm = ",".join(said["built"][0]["targets"])
    done = command("build", "shapes", "--target", "tensorrt-rtx", "--sm", sm, "--out", tmp_path, "--json", cache=cache)
    again = json.loads(done.stdout)
    assert all(row["cached"] for row in again["built"])
    assert not any(row["cached"] for row in said["built"])
    for name in sorted(os.listdir(out / "engines" / "tensorrt-rtx")):
        first, second = (place / "engines" / "tensorrt-rtx" / name for place in (out, tmp_path))
        assert first.read_bytes() == second.read_bytes()


def test_the_same_input_gives_the_same_plan_of_the_encoder(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = ("encoder", "visual_head")
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.stages_of", lambda config: stages)
    rebuilt = build_engines(
        ModelFolder(built[0]), tmp_path / "engines", target="tensorrt-rtx", cache=PlanCache(tmp_path / "cache")
    )
    assert not any(engine.cached for engine in rebuilt)
    for stage in stages:
        before = (built[0] / "engines" / "tensorrt-rtx" / f"{stage}.plan").read_bytes()
        after = (tmp_path / "engines" / f"{stage}.plan").read_bytes()
        assert len(after) == len(before)
        # The library orders some constants of the heads by chance.
        assert stage != "encoder" or after == before


@pytest.fixture
def copied(tmp_path: Path) -> ModelFolder:
    """The bundled model in a folder that may be changed."""
    return ModelFolder(shutil.copytree(BUNDLED / "shapes", tmp_path / "model"))


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bytes]]:
    """The files beside the graph in each build; nothing is built, and no library is needed."""
    seen: list[dict[str, bytes]] = []

    def run(request: Any, *_: Any) -> Any:
        seen.append({path.name: path.read_bytes() for path in request.graph.parent.iterdir()})
        assert request.graph.parent.stat().st_mode & 0o777 == 0o700
        return SimpleNamespace(plan=b"plan of " + request.graph.name.encode())

    def described(folder: ModelFolder, recipe: Any, built: Any) -> PlanSidecar:
        return PlanSidecar(
            recipe=recipe.to_json(),
            sha256=hashlib.sha256(built.plan).hexdigest(),
            size_bytes=len(built.plan),
            fusion=None,
            expected_attention=0,
            build_s=1.0,
            peak_memory_bytes=1,
        )

    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.run_build", run)
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder._described", described)
    monkeypatch.setattr("videobert.engines.tensorrt.flavour.Flavour.version", lambda self: VERSION)
    return seen


def build(folder: ModelFolder, cache: Path) -> Path:
    place = folder_for_building(folder, "tensorrt")
    build_engines(folder, place, target="tensorrt", cache=PlanCache(cache))
    return place


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.present_gpu", lambda: "NVIDIA L4 8.9")


@pytest.mark.parametrize("mask", [0o002, 0o000, 0o077])
def test_what_was_built_here_is_loaded_whatever_the_umask(
    mask: int, copied: ModelFolder, requests: Any, gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = os.umask(mask)
    try:
        for folder in (copied, ModelFolder("shapes")):
            place = build(folder, tmp_path / "plans")
            plan, _ = load_plan(folder, place, "text_head", library="tensorrt", version=VERSION)
            assert plan.startswith(b"plan of text_head.")
    finally:
        os.umask(before)
    assert (tmp_path / "cache" / "videobert").stat().st_mode & 0o777 == 0o700
    built = len(requests)
    build(copied, tmp_path / "plans")
    assert len(requests) == built


def test_a_build_removes_nothing_but_its_own_old_files(
    copied: ModelFolder, requests: Any, gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = folder_for_building(copied, "tensorrt")
    place.mkdir(parents=True)
    for name in ("notes.json", "mine.plan", "text_top.plan", "text_top.json", "visual_top.json"):
        (place / name).write_text("")
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.stages_of", lambda config: ("text_head",))
    build(copied, tmp_path / "plans")
    assert sorted(os.listdir(place)) == ["mine.plan", "notes.json", "text_head.json", "text_head.plan"]


def test_the_builder_reads_private_copies_of_what_was_checked(
    copied: ModelFolder, requests: list[dict[str, bytes]], gpu: None, tmp_path: Path
) -> None:
    build(copied, tmp_path / "plans")
    encoder, nearest = (
        next(files for files in requests if min(files).startswith(stage)) for stage in ("encoder", "nearest")
    )
    assert sorted(encoder) == ["encoder.fp16-mask.onnx", "encoder.onnx"]
    assert all(encoder[name] == copied.read(f"graphs/{name}") for name in encoder)
    assert list(nearest) == ["nearest.fp32.onnx"]


def test_a_graph_that_names_another_file_than_its_weights_is_not_built(
    copied: ModelFolder, requests: list[Any], gpu: None, tmp_path: Path
) -> None:
    path = copied.root / "graphs" / "backbone.fp16.onnx"
    path.write_bytes(path.read_bytes().replace(b"backbone.onnx", b"../../../x.on"))
    manifest = json.loads((copied.root / "manifest.json").read_text())
    manifest["files"]["graphs/backbone.fp16.onnx"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (copied.root / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"another file.*got \.\./\.\./\.\./x\.on; allowed: backbone\.onnx"):
        build(ModelFolder(copied.root), tmp_path / "plans")
    assert requests == []


def test_what_cannot_be_built_is_said_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videobert.engines.tensorrt.flavour.Flavour.version", lambda self: VERSION)
    for target, precision, capabilities, said in (
        ("tensorrt-rtx", "fp8", ["8.6"], "fp8"),
        ("tensorrt-rtx", "half", None, "precision"),
        ("tensorrt-rtx", "fp16", ["9.0"], "9.0"),
        ("tensorrt", "fp16", ["8.6"], "GPU of the machine"),
        ("openvino", "fp16", None, "target"),
    ):
        with pytest.raises(InputError, match=said):
            check_job(target, precision, capabilities)
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.present_gpu", lambda: None)
    with pytest.raises(EngineUnavailable, match="NVIDIA GPU"):
        check_job("tensorrt", "fp16", None)


@pytest.mark.parametrize(
    ("target", "module", "extra"),
    [("tensorrt-rtx", "tensorrt_rtx", "tensorrt-rtx"), ("tensorrt", "tensorrt", "tensorrt")],
)
def test_a_missing_library_is_an_error_with_the_command_that_installs_it(
    target: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable, match=rf"'{module}' is not installed.*pip install 'videobert\[{extra}\]'"):
        check_job(target, "fp16", None)


def test_a_folder_without_engine_graphs_says_how_to_write_them(model_folder: Path, tmp_path: Path, rtx: None) -> None:
    folder = ModelFolder(model_folder)
    assert "encoder" in missing_graphs(folder.names(), folder.config, "fp16", mask=False)
    with pytest.raises(ModelError, match=r"videobert build --precision fp16` where torch is installed"):
        build_engines(folder, tmp_path, target="tensorrt-rtx")


def test_the_bundled_model_has_the_graphs_of_every_precision() -> None:
    folder = ModelFolder("shapes")
    for precision in GRAPH_PRECISIONS:
        for mask in (False, True):
            assert not missing_graphs(folder.names(), folder.config, precision, mask=mask)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8", "fp8"])
def test_the_other_precisions_are_built_for_every_target_that_has_them(
    rtx: None, precision: str, tmp_path: Path
) -> None:
    folder = ModelFolder("shapes")
    for engine in build_engines(
        folder, tmp_path / "engines", target="tensorrt-rtx", precision=precision, cache=PlanCache(tmp_path / "cache")
    ):
        header = read_header(engine.path.read_bytes())
        assert header.targets == engine.targets
        assert engine.fused_attention == engine.expected_attention
        assert engine.build_s < 60
        assert engine.peak_memory_bytes < 3 << 30
        if engine.stage == "encoder":
            assert engine.precision == precision
            assert engine.expected_attention == (0 if precision == "fp32" else 6)
        if engine.stage == "backbone" and precision in ("int8", "fp8"):
            assert engine.precision == "fp16"


def test_a_build_that_failed_leaves_no_engine(rtx: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise VideoBertError("no")

    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.run_build", refuse)
    with pytest.raises(VideoBertError):
        build_engines(
            ModelFolder("shapes"), tmp_path / "engines", target="tensorrt-rtx", cache=PlanCache(tmp_path / "cache")
        )
    assert not list((tmp_path / "engines").iterdir())
