"""Which models a model folder becomes on a server, and how they are wired."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.stage import StageSpec, TensorSpec
from videobert.model.stage_lists import nearest_with_codebook, stage_specs
from videobert.serve.triton.graph_signature import Port, check_signature
from videobert.serve.triton.lint import lint
from videobert.serve.triton.model_config import ServedModel, ServedTensor, Step
from videobert.serve.triton.pipeline_signature import signature_of_pipeline
from videobert.serve.triton.plans import ServedPlan

_VERSION = "1"
_BATCH = 8
_DALI_THREADS = 4


def served_graph(spec: StageSpec, content: bytes) -> ServedModel:
    """A stage on onnxruntime.

    Args:
        content: the ONNX file, its weights inside.

    Raises:
        ModelError: the file cannot be read, or is not of this stage.
    """
    check_signature(content, spec)
    return ServedModel(
        name=spec.name,
        backend="onnxruntime",
        most=_BATCH,
        inputs=_tensors(spec.inputs),
        outputs=_tensors(spec.outputs),
        files={"model.onnx": content},
    )


def served_plan(spec: StageSpec, plan: ServedPlan, graph: bytes) -> ServedModel:
    """A stage as a TensorRT plan; the portable graph, which has the same inputs and outputs, is held to them."""
    check_signature(graph, spec)
    return ServedModel(
        name=spec.name,
        backend="tensorrt",
        most=_BATCH,
        inputs=_tensors(spec.inputs),
        outputs=_tensors(spec.outputs),
        files={"model.plan": plan.content},
        profiles=tuple(range(plan.profiles)),
    )


def preprocessing(clip: TensorSpec, serialised: bytes) -> ServedModel:
    """Encoded video and frame numbers to one clip, on the DALI back end.

    Frame numbers, window, shift and colour come from the client, which computes them as the dali decoder does. What
    there is to be fed, and of which type, the pipeline itself says; only the lengths of axes, which it does not know,
    are the clip's. A tensor that is not known here may have any.

    Args:
        clip: what the backbone takes: `(batch, frames, height, width, 3)`.
        serialised: the DALI graph for one clip of a picture that is not turned, chroma sited left.

    Raises:
        ModelError: it cannot be read.
    """
    corner, matrix, frames = (2,), (3, 3), clip.shape[1]
    known = {
        "VIDEO": (-1,),
        "FRAMES": (-1,),
        "ORDER_0": (frames,),
        "FIRST": corner,
        "LAST": corner,
        "SHIFT": corner,
        "LUMA": matrix,
        "CHROMA": matrix,
        "CLIP_0": clip.shape[1:],
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


def video_to_features(preprocess: ServedModel, backbone: ServedModel) -> ServedModel:
    """The ensemble from encoded video to features, where there are no visual tokens."""
    clip, feature = preprocess.outputs[0].name, backbone.outputs[0].name
    return ServedModel(
        name="video_to_features",
        backend="",
        most=min(preprocess.most, backbone.most),
        inputs=preprocess.inputs,
        outputs=(backbone.outputs[0],),
        files={},
        steps=(
            Step(
                model=preprocess.name,
                inputs={tensor.name: tensor.name for tensor in preprocess.inputs},
                outputs={clip: clip},
            ),
            Step(model=backbone.name, inputs={backbone.inputs[0].name: clip}, outputs={feature: feature}),
        ),
    )


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
    folder: ModelFolder, nearest: bytes | None, pipeline: bytes, plans: Mapping[str, ServedPlan]
) -> tuple[ServedModel, ...]:
    """Everything that is served of a model folder.

    Args:
        nearest: ONNX file of the tokenisation, features to ids, with the codebook inside; None for a model without
            visual tokens, whose encoded video becomes a feature.
        pipeline: see `preprocessing`.
        plans: by stage; the other stages run on onnxruntime.

    Raises:
        ModelError: a graph is missing or damaged.
    """

    def served(spec: StageSpec) -> ServedModel:
        graph = folder.read(portable_graph(spec.name))
        return served_plan(spec, plans[spec.name], graph) if spec.name in plans else served_graph(spec, graph)

    first, *others = (spec for spec in stage_specs(folder.config, folder.recipe) if not spec.gpu_only)
    preprocess, backbone = preprocessing(first.inputs[0], pipeline), served(first)
    joint = [served(spec) for spec in others]
    if nearest is None:
        return preprocess, backbone, *joint, video_to_features(preprocess, backbone)
    tokens = served_graph(nearest_with_codebook(folder.config), nearest)
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


def _tensors(tensors: Sequence[TensorSpec]) -> tuple[ServedTensor, ...]:
    """The tensors without their batch. Triton has none without dims: a value for each item is one of length 1."""
    return tuple(
        ServedTensor(name=each.name, dtype=each.dtype, dims=each.shape[1:] or (1,), scalar=not each.shape[1:])
        for each in tensors
    )
