"""The templates that ship: one for every graph of the models that can be had, filled in a moment without torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from videobert.engines.external_tensors import external_files
from videobert.get.everyday_config import everyday_config
from videobert.get.graph_template import GraphTemplate
from videobert.get.shipped_templates import TEMPLATES, filled_graphs, shipped_templates, template_name
from videobert.get.template_hole import NormFactor
from videobert.model.graph_files import missing_graphs, portable_graph
from videobert.model.precision import FLOAT_PRECISIONS
from videobert.model.stage_lists import stage_names

MODELS = ("everyday", "everyday-best")
_CHILD = """
import sys, time

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "onnx", "onnxscript", "onnxruntime", "transformers", "videobert_modeling"}:
            raise ImportError(f"No module named {name!r}")

sys.meta_path.insert(0, Refuse())
from tests.runtime.get.test_shipped_templates import MODELS, random_weights
from videobert.get.everyday_config import everyday_config
from videobert.get.shipped_templates import filled_graphs

config = everyday_config("everyday")
tensors = random_weights("everyday")
before = time.process_time()
sizes = {name: len(content) for name, content in filled_graphs(config, tensors)}
print(len(sizes), sum(sizes.values()), time.process_time() - before)
print("loaded:", sorted({"openvino", "tokenizers", "rich", "typer"} & set(sys.modules)))
"""


def random_weights(model: str) -> dict[str, np.ndarray]:
    """Tensors that fit every template of a model."""
    random = np.random.default_rng(0)
    tensors: dict[str, np.ndarray] = {}
    for path in shipped_templates(everyday_config(model)).values():
        for hole in GraphTemplate.from_bytes(path.read_bytes()).holes:
            source = hole.source
            if isinstance(source, NormFactor):
                names = dict.fromkeys((source.gain, source.bias, source.mean, source.variance), (source.channels,))
            else:
                names = {source.tensor: source.shape}
            for name, shape in names.items():
                dtype = np.float16 if len(shape) > 1 else np.float32
                value = random.random(shape, np.float32) + 1e-4
                assert name not in tensors or tensors[name].shape == shape
                tensors.setdefault(name, value.astype(dtype))
    return tensors


@pytest.mark.parametrize("model", MODELS)
def test_every_graph_of_a_model_has_a_template(model: str) -> None:
    config = everyday_config(model)
    names = list(shipped_templates(config))
    stages = stage_names(config, gpu=False)
    assert set(names[: len(stages)]) == {portable_graph(stage) for stage in stages}
    for precision in FLOAT_PRECISIONS:
        for mask in (False, True):
            assert missing_graphs(names, config, precision, mask=mask) == ()


def test_every_template_that_ships_belongs_to_a_model() -> None:
    used = {path for model in MODELS for path in shipped_templates(everyday_config(model)).values()}
    assert used == set(TEMPLATES.iterdir())
    assert sum(path.stat().st_size for path in used) < 200_000


def test_a_model_with_longer_clips_has_its_own_backbone_and_shares_the_rest() -> None:
    fast, best = (shipped_templates(everyday_config(model)) for model in MODELS)
    assert fast.keys() == best.keys()
    own = {name for name in fast if fast[name] != best[name]}
    assert own == {"graphs/backbone.onnx", "graphs/backbone.fp16.onnx", "graphs/backbone.bf16.onnx"}
    for name in own:
        assert best[name].name == template_name(name, "everyday-best")
        assert fast[name].name == template_name(name)


def test_only_graphs_in_another_precision_take_values_from_another_file_and_it_is_the_portable_one() -> None:
    config = everyday_config("everyday")
    for name, content in filled_graphs(config, random_weights("everyday")):
        stage, *precision = name.removeprefix("graphs/").removesuffix(".onnx").split(".")
        named = external_files(content)
        assert named <= ({f"{stage}.onnx"} if precision else set()), name


def test_all_graphs_are_filled_in_two_seconds_without_torch_and_onnx() -> None:
    child = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, timeout=200)
    assert child.returncode == 0, child.stderr
    summary, loaded = child.stdout.splitlines()
    count, size, spent_s = summary.split()
    assert int(count) == len(shipped_templates(everyday_config("everyday")))
    assert int(size) > 90_000_000
    assert float(spent_s) < 2
    assert loaded == "loaded: []"
