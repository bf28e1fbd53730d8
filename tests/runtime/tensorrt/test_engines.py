"""The bundled model's engines, really built: what they hold, what they were made from, and when they are refused."""

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
    MismatchError,
    ModelError,
    UntrustedError,
    VideoBertError,
)
from videobert.engines.tensorrt.build.engine_folder import build_engines, check_job
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.build.profiles import profiles_of
from videobert.engines.tensorrt.build.targets import CAPABILITIES
from videobert.engines.tensorrt.place import load_plan, place_for, places
from videobert.engines.tensorrt.plan_info import read_fusion, read_header
from videobert.engines.tensorrt.plan_sidecar import Sidecar, read_sidecar
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.graph_files import missing_graphs, stages_of
from videobert.model.precision import GRAPH_PRECISIONS

Built = tuple[Path, dict[str, Any], Path]
VERSION = "1.7.1.116"
LIBRARY = "tensorrt_rtx"


@pytest.fixture
def engines(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built engines that a test may damage, for the user who built them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(built[2]))
    return Path(shutil.copytree(built[0] / "engines" / "tensorrt-rtx", tmp_path / "engines"))


def load(folder: Path, place: Path, stage: str = "text_head", **changes: Any) -> tuple[bytes, Sidecar]:
    options = {"library": LIBRARY, "version": VERSION, "capability": "8.6"} | changes
    return load_plan(ModelFolder(folder), place, stage, **options)


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


def test_a_sound_engine_is_loaded(built: Built, engines: Path) -> None:
    plan, sidecar = load(built[0], engines)
    assert plan == (engines / "text_head.plan").read_bytes()
    assert sidecar.recipe["stage"] == "text_head"


def test_an_engine_that_another_user_built_needs_a_word(
    built: Built, engines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UntrustedError, match=r"not known who built these; got .*text_head\.json.*--trust-engines"):
        load(built[0], engines)
    assert load(built[0], engines, trusted=True)[0] == (engines / "text_head.plan").read_bytes()


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0, 17, 33, 64, -1])
def test_a_plan_with_one_other_bit_is_refused(built: Built, engines: Path, place: int) -> None:
    flip(engines / "text_head.plan", place)
    with pytest.raises(MismatchError, match="not the one that its sidecar describes"):
        load(built[0], engines)


def test_a_plan_that_is_cut_is_refused(built: Built, engines: Path) -> None:
    os.truncate(engines / "text_head.plan", 1000)
    with pytest.raises(MismatchError, match="got 1000 bytes"):
        load(built[0], engines)


def test_a_sidecar_that_was_changed_is_refused(built: Built, engines: Path) -> None:
    path = engines / "text_head.json"
    text = path.read_text()
    for old, new in ((VERSION, "1.7.1.117"), ('"8.6"', '"9.0"'), ('"size_bytes": ', '"size_bytes": 1'), ("{", "[")):
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(MismatchError, match="damaged or was changed"):
            load(built[0], engines)


def test_a_sidecar_of_another_plan_is_refused(built: Built, engines: Path) -> None:
    shutil.copy(engines / "visual_head.json", engines / "text_head.json")
    with pytest.raises(MismatchError, match="another stage"):
        load(built[0], engines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "1.8.0.1"}, "another version"),
        ({"library": "tensorrt"}, "another library"),
        ({"capability": "9.0"}, "not for this machine's GPU"),
    ],
)
def test_another_library_version_or_gpu_is_refused(
    built: Built, engines: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(MismatchError, match=said):
        load(built[0], engines, **changes)


def test_an_engine_of_another_model_is_refused(built: Built, engines: Path, model_folder: Path) -> None:
    with pytest.raises(MismatchError, match="built from another text_head"):
        load(model_folder, engines)


def test_a_file_that_others_can_change_or_that_is_a_link_is_refused(built: Built, engines: Path) -> None:
    os.chmod(engines / "text_head.plan", 0o666)
    with pytest.raises(ModelError, match="others could have changed"):
        load(built[0], engines)
    os.chmod(engines / "text_head.plan", 0o644)
    (engines / "text_head.plan").rename(engines / "real")
    (engines / "text_head.plan").symlink_to(engines / "real")
    with pytest.raises(ModelError, match="symbolic links"):
        load(built[0], engines)


def test_a_damaged_cache_entry_is_built_again(rtx: None, tmp_path: Path) -> None:
    key = {"stage": "x"}
    sidecar = Sidecar(
        recipe=key,
        sha256=hashlib.sha256(b"plan").hexdigest(),
        size_bytes=4,
        fusion=None,
        expected_attention=0,
        build_s=1.0,
        peak_memory_bytes=1,
    )
    cache = PlanCache(tmp_path / "cache")
    assert cache.get(key) is None
    cache.put(key, b"plan", sidecar)
    assert cache.get(key) == (b"plan", sidecar)
    (entry,) = (tmp_path / "cache").glob("*.compiled")
    flip(entry, -1)
    assert cache.get(key) is None
    cache.put(key, b"another", sidecar)
    assert cache.get(key) is None


def test_engines_of_a_bundled_or_read_only_folder_go_to_the_users_cache(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    writable, bundled = ModelFolder(model_folder), ModelFolder("shapes")
    assert place_for(writable, "tensorrt-rtx") == model_folder.resolve() / "engines" / "tensorrt-rtx"
    assert place_for(bundled, "tensorrt-rtx").is_relative_to(tmp_path)
    assert place_for(bundled, "tensorrt-rtx") != place_for(bundled, "tensorrt")
    assert place_for(bundled, "tensorrt-rtx") in places(bundled, "tensorrt-rtx")
    assert (tmp_path / "videobert").stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "access", lambda path, *_: not Path(path).is_relative_to(writable.root))
    assert place_for(writable, "tensorrt-rtx").is_relative_to(tmp_path)


@pytest.mark.parametrize("link", ["engines", "engines/tensorrt-rtx"])
def test_nothing_is_written_through_a_link(copied: ModelFolder, tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = copied.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=rf"{link} of the model folder is a link.*elsewhere.*--out"):
        place_for(copied, "tensorrt-rtx")


def test_a_user_without_a_home_has_no_cache_and_hears_of_it_only_where_it_is_needed(
    copied: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    inside = copied.root / "engines" / "tensorrt-rtx"
    assert places(copied, "tensorrt-rtx") == (inside,)
    assert place_for(copied, "tensorrt-rtx") == inside
    with pytest.raises(EngineUnavailable, match=r"no folder to build into.*no home folder.*XDG_CACHE_HOME"):
        place_for(ModelFolder("shapes"), "tensorrt-rtx")
    cache = PlanCache()
    assert cache.get({"stage": "x"}) is None
    with cache.locked({"stage": "x"}):
        pass


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

    def described(folder: ModelFolder, recipe: Any, built: Any) -> Sidecar:
        return Sidecar(
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
    place = place_for(folder, "tensorrt")
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
    place = place_for(copied, "tensorrt")
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
