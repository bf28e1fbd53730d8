"""Which models a model folder becomes on a server, and how they are wired."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.folder import ModelFolder
from videobert.model.recipe import Recipe
from videobert.serve.triton.graph_signature import Port, signature_of
from videobert.serve.triton.lint import lint
from videobert.serve.triton.model_config import ServedModel, ServedTensor, Step
from videobert.serve.triton.pipeline_signature import signature_of_pipeline
from videobert.serve.triton.plans import ServedPlan

_VERSION = "1"
_BATCH = 8
_DALI_THREADS = 4


def served_graph(name: str, content: bytes) -> ServedModel:
    """A graph on onnxruntime.

    Args:
        name: of the served model.
        content: the ONNX file, its weights inside.

    Raises:
        ModelError: the file cannot be read.
    """
    signature = signature_of(content, f"{name}.onnx")
    return ServedModel(
        name=name,
        backend="onnxruntime",
        most=_BATCH,
        inputs=_tensors(signature.inputs),
        outputs=_tensors(signature.outputs),
        files={"model.onnx": content},
    )


def served_plan(name: str, plan: ServedPlan, graph: bytes) -> ServedModel:
    """A TensorRT plan; the portable graph, which has the same inputs and outputs, tells what it takes and gives."""
    signature = signature_of(graph, f"{name}.onnx")
    return ServedModel(
        name=name,
        backend="tensorrt",
        most=_BATCH,
        inputs=_tensors(signature.inputs),
        outputs=_tensors(signature.outputs),
        files={"model.plan": plan.content},
        profiles=tuple(range(plan.profiles)),
    )


def preprocessing(recipe: Recipe, serialised: bytes) -> ServedModel:
    """Encoded video and frame numbers to one clip, on the DALI back end.

    Frame numbers, window, shift and colour come from the client, which computes them as the dali decoder does. What
    there is to be fed, and of which type, the pipeline itself says; only the lengths of axes, which it does not know,
    are the recipe's. A tensor that is not known here may have any.

    Args:
        serialised: the DALI graph for one clip of a picture that is not turned, chroma sited left.

    Raises:
        ModelError: it cannot be read.
    """
    corner, matrix = (2,), (3, 3)
    known = {
        "VIDEO": (-1,),
        "FRAMES": (-1,),
        "ORDER_0": (recipe.frames,),
        "FIRST": corner,
        "LAST": corner,
        "SHIFT": corner,
        "LUMA": matrix,
        "CHROMA": matrix,
        "CLIP_0": (recipe.frames, recipe.crop, recipe.crop, 3),
    }
    places = list(known)

    def tensors(ports: Sequence[Port]) -> tuple[ServedTensor, ...]:
        # DALI lists what is fed in an order of its own; ours is one for all builds.
        ordered = sorted(ports, key=lambda port: (places.index(port.name) if port.name in known else 99, port.name))
        return tuple(_of_pipeline(port, known.get(port.name)) for port in ordered)

    signature = signature_of_pipeline(serialised, "model.dali")
    return ServedModel(
        name="preprocess",
        backend="dali",
        most=_BATCH,
        inputs=tensors(signature.inputs),
        outputs=tensors(signature.outputs),
        files={"model.dali": serialised},
        parameters={"num_threads": str(_DALI_THREADS)},
    )


def _of_pipeline(port: Port, known: tuple[int, ...] | None) -> ServedTensor:
    dims = port.dims[1:] if known is None else known
    return ServedTensor(name=port.name, dtype=port.dtype, dims=dims or (1,), ragged=-1 in dims, scalar=not dims)


def video_to_tokens(preprocess: ServedModel, backbone: ServedModel, nearest: ServedModel) -> ServedModel:
    """The ensemble from encoded video to visual tokens."""
    clip, feature = preprocess.outputs[0].name, backbone.outputs[0].name
    return ServedModel(
        name="video_to_tokens",
        backend="",
        most=min(preprocess.most, backbone.most, nearest.most),
        inputs=preprocess.inputs,
        outputs=(backbone.outputs[0], *nearest.outputs),
        files={},
        steps=(
            Step(
                model=preprocess.name,
                inputs={tensor.name: tensor.name for tensor in preprocess.inputs},
                outputs={clip: clip},
            ),
            Step(model=backbone.name, inputs={backbone.inputs[0].name: clip}, outputs={feature: feature}),
            Step(
                model=nearest.name,
                inputs={nearest.inputs[0].name: feature},
                outputs={tensor.name: tensor.name for tensor in nearest.outputs},
            ),
        ),
    )


def models_of(
    folder: ModelFolder, nearest: bytes, pipeline: bytes, plans: Mapping[str, ServedPlan]
) -> tuple[ServedModel, ...]:
    """Everything that is served of a model folder.

    Args:
        nearest: ONNX file of the tokenisation, features to ids, with the codebook inside.
        pipeline: see `preprocessing`.
        plans: by stage; the other stages run on onnxruntime.

    Raises:
        ModelError: a graph is missing or damaged.
    """

    def stage(name: str) -> ServedModel:
        graph = folder.read(f"graphs/{name}.onnx")
        return served_plan(name, plans[name], graph) if name in plans else served_graph(name, graph)

    preprocess, backbone = preprocessing(folder.recipe, pipeline), stage("backbone")
    tokens = served_graph("nearest", nearest)
    joint = [stage(name) for name in ("encoder", *(f"{head}_head" for head in folder.config.heads))]
    return preprocess, backbone, tokens, *joint, video_to_tokens(preprocess, backbone, tokens)


def write_repository(models: Sequence[ServedModel], out: Path) -> None:
    """Write the repository, check it, and put it in place; nothing is left behind if a fault is found.

    Raises:
        InputError: `out` exists and is not an empty folder, or cannot be written.
        ModelError: the check found faults.
        EngineUnavailable: Triton's client library, which the check needs, is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("the repository's folder is not empty", seen=str(out), fix="Pass another --out.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name[:64]}.") as name:
            for model in models:
                version = Path(name, model.name, _VERSION)
                version.mkdir(parents=True)
                (version.parent / "config.pbtxt").write_text(model.to_text(), encoding="utf-8")
                for file, content in model.files.items():
                    (version / file).write_bytes(content)
            faults = lint(Path(name))
            if faults:
                raise ModelError("the repository has faults", seen="; ".join(faults))
            out.mkdir(exist_ok=True)
            for entry in sorted(Path(name).iterdir()):
                shutil.move(entry, out / entry.name)
    except OSError as error:
        raise InputError(
            "the repository cannot be written there", seen=str(error), fix="Pass another --out."
        ) from error


def _tensors(ports: Sequence[Port]) -> tuple[ServedTensor, ...]:
    """The ports without their batch. Triton has no tensor without dims: a value for each item is one of length 1."""
    return tuple(
        ServedTensor(name=port.name, dtype=port.dtype, dims=port.dims[1:] or (1,), scalar=not port.dims[1:])
        for port in ports
    )
