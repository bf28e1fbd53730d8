"""Every loader of compiled code keeps to one policy: what others could have changed, or someone else built, stays out.

Each loader is given something sound, which it takes, and then the same with one fault.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from videobert.base.code_trust import remember_build, sidecar_digest
from videobert.base.errors import InputError, ModelError, UntrustedError
from videobert.cuda.cubin_library import CubinLibrary
from videobert.doctor.compiled_parts import built_targets
from videobert.engines.compiled_cache import CompiledCache
from videobert.engines.compiler_folders import compiler_folders
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.engines.tensorrt.executor.runtime_cache import RuntimeCache
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar
from videobert.model.compiled_places import folder_for_building
from videobert.model.folder import ModelFolder
from videobert.serve.triton.plans import plans_of

CODE = b"code"
KEY: dict[str, object] = {"graph": "a"}
COMPILERS = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


def of_a_stranger(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 12345, -1)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


FAULTS: dict[str, Callable[[Path], None]] = {
    "the group may write": lambda path: path.chmod(path.stat().st_mode | 0o020),
    "anyone may write": lambda path: path.chmod(path.stat().st_mode | 0o002),
    "a stranger owns it": of_a_stranger,
    "it is a link": linked,
}


@dataclass
class Case:
    """Something compiled that lies on disk: its files, whether it loads, and the digest that a build notes of it."""

    files: tuple[Path, ...]
    loads: Callable[[], bool]
    digest: str | None = None


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)
    return path


def refused(load: Callable[[], object]) -> bool:
    try:
        load()
    except ModelError:
        return True
    return False


def plan_sidecar(folder: ModelFolder) -> PlanSidecar:
    graph = folder.digest(next(name for name in folder.names() if name.startswith("graphs/encoder.")))
    recipe = {"stage": "encoder", "library": "tensorrt", "version": "11", "graph": graph, "weights": graph}
    return PlanSidecar(
        recipe=recipe,
        sha256=hashlib.sha256(CODE).hexdigest(),
        size_bytes=len(CODE),
        fusion=None,
        expected_attention=0,
        build_s=1.0,
        peak_memory_bytes=1,
    )


def plan(folder: ModelFolder, tmp_path: Path) -> Case:
    place, sidecar = tmp_path / "engines", plan_sidecar(folder)
    files = write(place / "encoder.plan", CODE), write(place / "encoder.json", sidecar.to_bytes())

    def loads() -> bool:
        return not refused(lambda: load_plan(folder, place, "encoder", library="tensorrt", version=None))

    return Case(files, loads, sidecar.digest)


def served_plan(folder: ModelFolder, tmp_path: Path) -> Case:
    sidecar = plan_sidecar(folder)
    place = folder_for_building(folder, "tensorrt")
    files = write(place / "encoder.plan", CODE), write(place / "encoder.json", sidecar.to_bytes())
    return Case(files, lambda: not refused(lambda: plans_of(folder)), sidecar.digest)


def kernels(folder: ModelFolder, tmp_path: Path) -> Case:
    place = tmp_path / "engines" / "cuda-sm89"
    kernel = {
        "name": "k",
        "entry": "k",
        "file": "k.cubin",
        "sha256": hashlib.sha256(CODE).hexdigest(),
        "bytes": len(CODE),
        "arguments": [],
        "aligned": [],
        "threads": 32,
        "shared_bytes": 0,
        "scratch_pointers": 0,
    }
    fields = {
        "format": 1,
        "target": "cuda-sm89",
        "capability": 89,
        "triton": "3.5",
        "fp_fusion": False,
        "kernels": [kernel],
        "searches": {},
    }
    digest = sidecar_digest(fields)
    sidecar = json.dumps({**fields, "digest": digest}).encode()
    files = write(place / "k.cubin", CODE), write(place / "kernels.json", sidecar)
    driver: Any = SimpleNamespace(capability=89)
    return Case(files, lambda: not refused(lambda: CubinLibrary(driver, place)), digest)


def told_engine(folder: ModelFolder, tmp_path: Path) -> Case:
    """The doctor loads nothing, but what it calls one's own must be what would be loaded."""
    fields = {"recipe": {"precision": "fp16"}}
    digest = sidecar_digest(fields)
    file = write(
        tmp_path / "model" / "engines" / "tensorrt" / "encoder.json", json.dumps({**fields, "self": digest}).encode()
    )
    return Case((file,), lambda: built_targets(tmp_path / "model", None)[0].built_here, digest)


def cached_graph(folder: ModelFolder, tmp_path: Path) -> Case:
    cache = CompiledCache(tmp_path / "graphs")
    cache.put(KEY, CODE)
    return Case(tuple((tmp_path / "graphs").iterdir()), lambda: cache.get(KEY) == CODE)


def cached_plan(folder: ModelFolder, tmp_path: Path) -> Case:
    cache = PlanCache(tmp_path / "plans")
    cache.put(KEY, CODE, plan_sidecar(folder))
    return Case(tuple((tmp_path / "plans").iterdir()), lambda: cache.get(KEY) is not None)


def cached_runtime_kernels(folder: ModelFolder, tmp_path: Path) -> Case:
    class Library:
        given: bytes | None = None

        def deserialize(self, content: bytes) -> bool:
            self.given = content
            return True

        def serialize(self) -> bytes:
            return CODE

    def attached() -> tuple[RuntimeCache, Library]:
        library = Library()
        config = SimpleNamespace(create_runtime_cache=lambda: library, set_runtime_cache=lambda cache: None)
        cache = RuntimeCache(CompiledCache(tmp_path / "runtime"), KEY)
        cache.attach(config)
        return cache, library

    attached()[0].save()
    return Case(tuple((tmp_path / "runtime").iterdir()), lambda: attached()[1].given == CODE)


LOADERS: dict[str, Callable[[ModelFolder, Path], Case]] = {
    "plan": plan,
    "plan for a server": served_plan,
    "kernels": kernels,
    "doctor": told_engine,
    "cached graph": cached_graph,
    "cached plan": cached_plan,
    "cached kernels of TensorRT-RTX": cached_runtime_kernels,
}
WITH_NOTES = ("plan", "plan for a server", "kernels", "doctor")
CACHES: dict[str, Callable[[Path], object]] = {"cached graph": CompiledCache, "cached plan": PlanCache}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ModelFolder("shapes")


@pytest.fixture
def case(request: pytest.FixtureRequest, folder: ModelFolder, tmp_path: Path) -> Case:
    return LOADERS[request.param](folder, tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("case", LOADERS, indirect=True)
def test_what_others_could_have_changed_is_not_loaded(case: Case, fault: str) -> None:
    if case.digest is not None:
        remember_build(case.digest)
    assert case.files
    assert case.loads()
    for file in case.files:
        mode = file.stat().st_mode
        FAULTS[fault](file)
        assert not case.loads(), file.name
        if fault == "it is a link":
            file.unlink()
            file.with_name("elsewhere").rename(file)
        else:
            os.chown(file, os.getuid(), -1)
            file.chmod(mode)
        assert case.loads(), file.name


@pytest.mark.parametrize("case", WITH_NOTES, indirect=True)
def test_what_someone_else_built_is_not_loaded(case: Case) -> None:
    assert case.digest is not None
    assert not case.loads()
    remember_build("0" * 64)
    assert not case.loads()
    remember_build(case.digest)
    assert case.loads()


def test_a_person_can_vouch_for_plans_and_kernels(folder: ModelFolder, tmp_path: Path) -> None:
    place = plan(folder, tmp_path).files[0].parent
    with pytest.raises(UntrustedError):
        load_plan(folder, place, "encoder", library="tensorrt", version=None)
    assert load_plan(folder, place, "encoder", library="tensorrt", version=None, trusted=True)[0] == CODE
    driver: Any = SimpleNamespace(capability=89)
    place = kernels(folder, tmp_path).files[0].parent
    with pytest.raises(UntrustedError):
        CubinLibrary(driver, place)
    assert "k" in CubinLibrary(driver, place, trusted=True)


@pytest.mark.parametrize("name", CACHES)
@pytest.mark.parametrize("fault", ["the group may write", "anyone may write", "a stranger owns it"])
def test_a_cache_that_is_not_this_users_alone_is_not_used(
    name: str, fault: str, folder: ModelFolder, tmp_path: Path
) -> None:
    (file,) = LOADERS[name](folder, tmp_path).files
    FAULTS[fault](file.parent)
    with pytest.raises(InputError, match="others could change it"):
        CACHES[name](file.parent)


@pytest.mark.parametrize("name", ["cached graph", "cached plan", "cached kernels of TensorRT-RTX"])
def test_what_root_put_into_a_users_cache_is_not_that_users_build(
    name: str, folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has files of root")
    case = LOADERS[name](folder, tmp_path)
    assert case.loads()
    (file,) = case.files
    os.chown(file.parent, 12345, -1)
    monkeypatch.setattr("videobert.base.user_cache.os.getuid", lambda: 12345)
    assert not case.loads()
    os.chown(file, 12345, -1)
    assert case.loads()


@pytest.mark.parametrize("fault", ["the group may write", "anyone may write", "a stranger owns it"])
@pytest.mark.parametrize("kept", ["", "torch", "triton"])
def test_compilers_keep_nothing_in_a_folder_that_others_may_write_to(
    kept: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in COMPILERS:
        monkeypatch.setenv(name, "")  # so that it is put back whatever the test leaves
        monkeypatch.delenv(name)
    (tmp_path / "ours" / kept).mkdir(mode=0o700, parents=True)
    (tmp_path / "ours").chmod(0o700)
    with compiler_folders(tmp_path / "ours"):
        assert {*COMPILERS} <= {*os.environ}
    FAULTS[fault](tmp_path / "ours" / kept)
    refused = {"torch": {"TORCHINDUCTOR_CACHE_DIR"}, "triton": {"TRITON_CACHE_DIR"}}.get(kept, {*COMPILERS})
    with compiler_folders(tmp_path / "ours"):
        assert {*COMPILERS} - {*os.environ} == refused


def test_what_reads_compiled_code_asks_the_policy() -> None:
    """Only modules that are tested above hand compiled code to a library, and each gets it through the policy."""
    package = Path(load_plan.__code__.co_filename).parents[2]
    sinks = ("deserialize_cuda_engine(", ".import_model(", ".deserialize(", "cuModuleLoadData", "module_from_buffer(")
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(sink in path.read_text(encoding="utf-8") for sink in sinks)
    }
    assert found == {
        "engines/openvino_engine.py",
        "engines/tensorrt/executor/session.py",
        "engines/tensorrt/executor/runtime_cache.py",
        "cuda/libcuda.py",
        "cuda/bindings_driver.py",
        "cuda/pycuda_driver.py",
        "cuda/torch_driver.py",
    }
