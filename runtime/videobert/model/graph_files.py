"""Which file of a model folder an engine is made from."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from videobert.base.errors import ModelError, UsageError
from videobert.model.config import ModelConfig
from videobert.model.precision import FLOAT_PRECISIONS, GRAPH_PRECISIONS, QUANTISED
from videobert.model.stage import Stage, StageSpec
from videobert.model.stage_lists import NEAREST, all_stage_names, encoder_stages, stage_names, stages_with_lengths

# Engines of these names are ours, and are taken away where a model has no such stage. The last two are what is left of
# earlier releases.
ALL_STAGES = (*all_stage_names(), "text_top", "visual_top")
_WITH_LENGTHS = stages_with_lengths()
_ENCODERS = encoder_stages()


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFile:
    """A graph of one stage.

    Args:
        name: the ONNX file, relative to the model folder.
        weights: the file that its weights lie in: the portable graph, or itself.
        precision: the arithmetic it was written for.
    """

    name: str
    weights: str
    precision: str


def stages_of(config: ModelConfig) -> tuple[Stage, ...]:
    """The names of the engines that are built of a model."""
    return stage_names(config, gpu=True)


def portable_graph(stage: Stage) -> str:
    """The file, relative to the model folder, of a stage's portable graph, which has its weights inside."""
    return f"graphs/{stage}.onnx"


def graph_file(stage: str, precision: str, *, mask: bool) -> GraphFile:
    """The file that holds a stage in one precision.

    Args:
        mask: of a stage with lengths, the variant whose attention takes an additive mask in place of them.

    Raises:
        UsageError: the precision is not known.
    """
    if precision not in GRAPH_PRECISIONS:
        raise UsageError(
            "this precision is not known", seen=precision, allowed=", ".join(GRAPH_PRECISIONS), fix="Use one of those."
        )
    weights = portable_graph(stage)
    suffix = "-mask" if mask and stage in _WITH_LENGTHS else ""
    if precision == "fp32" and not suffix and stage != NEAREST:
        return GraphFile(name=weights, weights=weights, precision=precision)
    name = f"graphs/{stage}.{precision}{suffix}.onnx"
    return GraphFile(name=name, weights=name if stage == NEAREST else weights, precision=precision)


def check_quantisable(specs: Iterable[StageSpec], precision: str) -> None:
    """Whether a model has anything that int8 or fp8 is for, before any work: the products of an encoder.

    Raises:
        UsageError: it has no encoder.
    """
    if precision in QUANTISED and not any(spec.is_encoder for spec in specs):
        raise UsageError(
            f"this model has no encoder, and nothing else is made in {precision}",
            seen=precision,
            allowed=", ".join(FLOAT_PRECISIONS),
            fix="Use one of those.",
        )


def missing_graphs(files: Container[str], config: ModelConfig, precision: str, *, mask: bool) -> tuple[str, ...]:
    """The graphs that a folder lacks for engines of one precision."""
    missing = []
    for stage in stages_of(config):
        for turing in (False, True):
            try:
                find_graph(files, stage, precision, mask=mask, turing=turing)
            except ModelError:
                missing.append(stage)
    return tuple(dict.fromkeys(missing))


def find_graph(files: Container[str], stage: str, precision: str, *, mask: bool, turing: bool) -> GraphFile:
    """The graph to build a stage from.

    Quantised graphs exist for the stages where accuracy holds; the others run in fp16 beside them. Tokenisation stays
    in fp32, except where compute capability 7.5 is among the targets: it has no fp32 matrix products.

    Args:
        files: the names in the model folder.

    Raises:
        ModelError: the folder lacks the graph.
    """
    if stage == NEAREST:
        found = graph_file(stage, "fp16" if turing else "fp32", mask=False)
    else:
        found = graph_file(stage, precision, mask=mask)
        quantised = precision in QUANTISED and any(
            graph_file(name, precision, mask=mask).name in files for name in _ENCODERS
        )
        if quantised and found.name not in files:
            found = graph_file(stage, "fp16", mask=mask)
    for name in (found.name, found.weights):
        if name not in files:
            raise ModelError(
                f"the model folder has no {name}",
                fix=f"Write it with `videobert build --precision {precision}` where torch is installed.",
            )
    return found
