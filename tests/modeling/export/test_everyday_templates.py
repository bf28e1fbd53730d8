"""The templates that ship are in step with the exporter: filled, they are what it writes for the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper
from safetensors.numpy import load_file
from tests.real_everyday import needs_everyday

from videobert.base.errors import VideoBertError
from videobert.get.everyday_config import everyday_config
from videobert.get.graph_template import GraphTemplate
from videobert.get.shipped_templates import TEMPLATES, filled_graphs, shipped_templates, template_name
from videobert.get.template_hole import Weight
from videobert.model.folder import ModelFolder, find
from videobert.model.graph_files import portable_graph
from videobert.model.stage_lists import stage_names
from videobert_modeling.export import everyday_templates
from videobert_modeling.export.everyday_templates import SHARED, WITH_OWN_BACKBONE, RandomExport, random_export
from videobert_modeling.export.low_precision.engine_graphs import nearest_files
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.models import load_weights
from videobert_modeling.models.weights import tensor_shapes

CONFIG = everyday_config(SHARED)
STAGES = stage_names(CONFIG, gpu=False)
# The others take a minute together.
QUICK = "action_head"
EXPORTS = [(SHARED, stage) for stage in STAGES] + [(model, "backbone") for model in WITH_OWN_BACKBONE]


@pytest.mark.parametrize(
    ("model", "stage"),
    [pytest.param(*each, marks=[] if each[1] == QUICK else pytest.mark.slow) for each in EXPORTS],
)
def test_a_filled_template_is_what_the_exporter_writes(model: str, stage: str) -> None:
    exported = random_export(model, seed=3, stages={stage})
    templates = shipped_templates(everyday_config(model))
    assert {name for name in templates if name.startswith(f"graphs/{stage}.")} == set(exported.graphs)
    for name, content in exported.graphs.items():
        filled = GraphTemplate.from_bytes(templates[name].read_bytes()).fill(exported.tensors)
        assert filled == content, f"{name}: remake the templates with `make templates`"


def test_graphs_without_weights_are_in_step_too() -> None:
    for name, content in nearest_files(CONFIG).items():
        template = GraphTemplate.from_bytes((TEMPLATES / template_name(name)).read_bytes())
        assert template.fill({}) == content


def test_the_templates_hold_every_tensor_of_the_model_and_no_other() -> None:
    shapes = tensor_shapes(CONFIG)
    found = {}
    for stage in STAGES:
        path = shipped_templates(CONFIG)[portable_graph(stage)]
        for hole in GraphTemplate.from_bytes(path.read_bytes()).holes:
            assert isinstance(hole.source, Weight)
            found[hole.source.tensor] = hole.source.shape
    assert found == shapes


def test_a_graph_that_looks_at_its_weights_is_no_template(monkeypatch: pytest.MonkeyPatch) -> None:
    def looking(model: str, seed: int, stages: object) -> RandomExport:
        graph = helper.make_model(helper.make_graph([], "g", [], []), producer_version=str(seed))
        return RandomExport(tensors={}, norms={}, graphs={portable_graph(QUICK): graph.SerializeToString()})

    monkeypatch.setattr(everyday_templates, "random_export", looking)
    with pytest.raises(VideoBertError, match="cannot become a template"):
        list(everyday_templates.everyday_templates())


@needs_everyday
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_graphs_of_the_real_model_are_what_the_exporter_writes() -> None:
    folder = ModelFolder(SHARED)
    backbone, model = load_weights(folder.root)
    filled = dict(filled_graphs(folder.config, load_file(Path(find(SHARED), "model.safetensors"))))
    for graph in graphs_of(backbone, model, folder.recipe):
        name = portable_graph(graph.name)
        assert to_onnx(graph) == filled[name] == folder.read(name)
