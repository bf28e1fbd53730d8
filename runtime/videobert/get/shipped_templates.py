"""Which templates of graphs ship, and for which file of which model.

`templates/backbone.fp16.template` gives `graphs/backbone.fp16.onnx`. Where the graph of one model is another than that
of the others, as a backbone for longer clips is, the template's name begins with the model's:
`everyday-best.backbone.fp16.template`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from videobert.get.graph_template import fill
from videobert.get.template_hole import Tensors
from videobert.model.config import ModelConfig
from videobert.model.stage_lists import stage_names

TEMPLATES = Path(__file__).with_name("templates")
_SUFFIX = ".template"


def template_name(graph: str, model: str | None = None) -> str:
    """The file of the template of a graph.

    Args:
        graph: its name in a model folder, such as `graphs/backbone.fp16.onnx`.
        model: the one model that it is for; None for all.
    """
    own = "" if model is None else f"{model}."
    return f"{own}{Path(graph).stem}{_SUFFIX}"


def shipped_templates(config: ModelConfig) -> dict[str, Path]:
    """The template of each graph of a model, by the graph's name in the model folder; portable graphs first."""
    found = {}
    for stage in stage_names(config, gpu=True):
        shared = {path.name: path for path in sorted(TEMPLATES.glob(f"{stage}.*template"))}
        for name, path in shared.items():
            own = TEMPLATES / f"{config.name}.{name}"
            found[f"graphs/{name.removesuffix(_SUFFIX)}.onnx"] = own if own.is_file() else path
    return dict(sorted(found.items(), key=lambda item: (item[0].count("."), item[0])))


def filled_graphs(config: ModelConfig, tensors: Tensors) -> Iterator[tuple[str, bytes]]:
    """The graphs of a model: name in the model folder and content, as `videobert build` would write them.

    Raises:
        ModelError: a template is damaged, or the weights do not fit it, see `GraphTemplate.fill`.
    """
    for name, path in shipped_templates(config).items():
        yield name, fill(path.read_bytes(), tensors)
