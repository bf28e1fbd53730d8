"""The templates of the graphs of `everyday`, made anew: `python -m videobert_modeling.export.everyday_templates`.

Needed when the exporter, or what a stage computes, has changed. Each graph is exported twice, with different random
weights: outside the weights both must be equal.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from safetensors.numpy import save_file

from videobert.base.atomic import write_atomically
from videobert.base.errors import VideoBertError
from videobert.get.everyday_config import everyday_config, everyday_recipe
from videobert.get.shipped_templates import TEMPLATES, template_name
from videobert.get.template_hole import NormFactor
from videobert.model.graph_files import portable_graph
from videobert.model.precision import FLOAT_PRECISIONS
from videobert.model.stage import Stage
from videobert.model.stage_lists import BACKBONE, stage_names
from videobert_modeling.export.low_precision.engine_graphs import nearest_files, variants
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.template import Array, norm_factors, random_tensors, template_of
from videobert_modeling.models.weights import load_weights, tensor_shapes

SHARED = "everyday"
# Of these models only the backbone is another: it sees longer clips.
WITH_OWN_BACKBONE = ("everyday-best",)


@dataclass(frozen=True, kw_only=True)
class RandomExport:
    """The graphs of a model with random weights.

    Args:
        tensors: the weights.
        norms: see `norm_factors`.
        graphs: name in a model folder and content.
    """

    tensors: dict[str, Array]
    norms: dict[bytes, NormFactor]
    graphs: dict[str, bytes]


def random_export(model: str, seed: int, stages: Container[Stage]) -> RandomExport:
    """What `videobert build` writes for some stages of a model, in every precision that needs no calibration."""
    config, recipe = everyday_config(model), everyday_recipe(model)
    tensors = random_tensors(tensor_shapes(config), seed)
    with tempfile.TemporaryDirectory(prefix="videobert-templates-") as place:
        folder = Path(place)
        (folder / "config.json").write_text(json.dumps(config.to_json()), encoding="utf-8")
        save_file(tensors, folder / "model.safetensors")
        backbone, network = load_weights(folder)
    graphs: dict[str, bytes] = {}
    norms: dict[bytes, NormFactor] = {}
    for graph in graphs_of(backbone, network, recipe):
        if graph.name not in stages:
            continue
        portable = to_onnx(graph)
        graphs[portable_graph(graph.name)] = portable
        norms |= norm_factors(onnx.load_from_string(portable), tensors)
        for precision in FLOAT_PRECISIONS:
            graphs |= dict(variants(graph.name, precision, portable))
    return RandomExport(tensors=tensors, norms=norms, graphs=graphs)


def everyday_templates() -> Iterator[tuple[str, bytes]]:
    """Name and content of every template.

    Raises:
        VideoBertError: a graph depends on its weights in other ways than by holding them.
    """
    shared = everyday_config(SHARED)
    for model in (SHARED, *WITH_OWN_BACKBONE):
        stages = stage_names(shared, gpu=False) if model == SHARED else (BACKBONE,)
        first, second = (random_export(model, seed, stages) for seed in (1, 2))
        for name, content in first.graphs.items():
            template = template_of(content, first.tensors, first.norms)
            if template.fill(second.tensors) != second.graphs.get(name):
                raise VideoBertError(
                    "a graph cannot become a template: with other weights it is another graph",
                    seen=name,
                    fix="Look for what in the stage's module, or in the exporter, looks at a weight's values.",
                )
            yield template_name(name, None if model == SHARED else model), template.to_bytes()
    for name, content in nearest_files(shared).items():
        yield template_name(name), template_of(content, {}, {}).to_bytes()


def main() -> None:
    """Write all templates where the run side finds them, and take away those that are none any more."""
    templates = dict(everyday_templates())
    TEMPLATES.mkdir(exist_ok=True)
    for name, content in templates.items():
        write_atomically(TEMPLATES / name, lambda path, content=content: path.write_bytes(content))  # type: ignore[misc]
        print(f"{name}\t{len(content)} bytes")
    for old in TEMPLATES.iterdir():
        if old.name not in templates:
            old.unlink()


if __name__ == "__main__":
    main()
