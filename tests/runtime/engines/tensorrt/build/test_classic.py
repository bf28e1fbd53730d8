"""The path through TensorRT 10 and 11, against a stand-in that has the real bindings' names and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from videobert.base.errors import EngineUnavailable
from videobert.engines.tensorrt.build.engine_folder import build_engines
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.engines.tensorrt.plan_sidecar import read_sidecar
from videobert.model.folder import ModelFolder

HERE = Path(__file__).parent
GPU = "NVIDIA A100-SXM4-80GB 8.0"


@pytest.fixture
def classic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Installs a stand-in for one recorded version, for this process and the builder's."""

    def install(version: str) -> None:
        module = tmp_path / "site" / "tensorrt"
        module.mkdir(parents=True)
        shutil.copy(HERE / "classic_stand_in.py", module / "__init__.py")
        shutil.copy(HERE.parent / "names" / f"tensorrt-{version}.json", module / "names.json")
        facts = tmp_path / "site" / f"tensorrt_cu13-{version}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tensorrt-cu13\nVersion: {version}\n")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.present_gpu", lambda: GPU)
        monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.stages_of", lambda config: ("encoder",))

    return install


@pytest.mark.parametrize(
    ("version", "attention", "graph"),
    [
        ("10.14.1.48.post1", "mask", "graphs/encoder.fp16-mask.onnx"),
        ("11.4.0.106", "lengths", "graphs/encoder.fp16.onnx"),
    ],
)
def test_an_engine_is_built_through_the_common_names(
    classic, tmp_path: Path, version: str, attention: str, graph: str
) -> None:
    classic(version)
    folder = ModelFolder("shapes")
    (engine,) = build_engines(folder, tmp_path / "engines", target="tensorrt", cache=PlanCache(tmp_path / "cache"))
    assert engine.targets == (GPU,)
    assert engine.fused_attention is None
    calls = json.loads(engine.path.read_bytes())
    assert (
        sum(call.startswith("IOptimizationProfile.set_shape('ids', (1, 1), (1, 64), (8, 64))") for call in calls) == 1
    )
    assert any("profiling_verbosity" in call for call in calls)
    assert not any("compute_capab" in call for call in calls)
    recipe = read_sidecar(tmp_path / "engines" / "encoder.json").recipe
    assert (recipe["attention"], recipe["gpu"], recipe["version"]) == (attention, GPU, version)
    assert recipe["graph"] == folder.digest(graph)
    assert load_plan(folder, tmp_path / "engines", "encoder", library="tensorrt", version=version)[0]


def test_without_a_gpu_it_says_where_to_build(classic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classic("11.4.0.106")
    monkeypatch.setattr("videobert.engines.tensorrt.build.engine_folder.present_gpu", lambda: None)
    with pytest.raises(EngineUnavailable, match="NVIDIA GPU and driver"):
        build_engines(ModelFolder("shapes"), tmp_path, target="tensorrt")
