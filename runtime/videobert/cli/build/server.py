"""`videobert build --target triton-server`: a model repository for NVIDIA Triton Inference Server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.errors import EngineUnavailable, UsageError
from videobert.cli.build.job import TargetJob
from videobert.cli.needs_modeling import modeling_side
from videobert.cli.notes import note
from videobert.cli.progress import spinner
from videobert.model.folder import ModelFolder
from videobert.model.stage_lists import nearest_with_codebook
from videobert.serve.triton.plans import plans_of
from videobert.serve.triton.repository import models_of, write_repository
from videobert.serve.triton.requirement import INSTALL
from videobert.video.decoders.dali.geometry import Shape
from videobert.video.decoders.dali.graph import import_dali, serialise
from videobert.video.picture.orientation import UPRIGHT
from videobert.visual.codebook import Codebook


def build_server_of(job: TargetJob) -> Sequence[dict[str, Any]]:
    """Write the repository to `--out`: DALI for the clips, TensorRT plans where the folder has them, else ONNX graphs.

    Raises:
        UsageError: no `--out`, or options that belong to other targets.
        EngineUnavailable: DALI, Triton's client library or the modeling side is not installed.
        ModelError: the folder lacks graphs or its codebook.
        UntrustedError: someone else built the folder's plans.
    """
    if job.out is None:
        raise UsageError("a model repository needs a folder of its own", fix="Pass --out DIR.")
    if job.precision is not None or job.capabilities is not None:
        raise UsageError("--precision and --sm belong to engine targets", fix="Build the engines first, then this.")
    folder = ModelFolder(job.folder)
    codebook = Codebook.from_bytes(folder.read("codebook.safetensors")) if folder.config.has_tokens else None
    with spinner("writing the model repository", job.options):
        with modeling_side("build --target triton-server", "build"):
            from videobert_modeling.export.portable.served_nearest import served_nearest

            nearest = None
            if codebook is not None:
                nearest = served_nearest(nearest_with_codebook(folder.config), codebook)
        _need_dali()
        pipeline = serialise(Shape(crop=folder.recipe.crop, shifted=True, turn=UPRIGHT), backend="mixed")
        plans = plans_of(folder, trusted=job.trust_engines)
        models = models_of(folder, nearest, pipeline, plans)
        write_repository(models, job.out)
    if not plans:
        note("note: no TensorRT plans in the folder: every graph is served by onnxruntime", job.options)
    return [
        {
            "name": model.name,
            "size_bytes": sum(len(content) for content in model.files.values()),
            "summary": model.backend or "ensemble of " + ", ".join(step.model for step in model.steps),
            "backend": model.backend or "ensemble",
        }
        for model in models
    ]


def _need_dali() -> None:
    """Says what a repository needs, which is more than the decoder does that DALI is here otherwise.

    Raises:
        EngineUnavailable: DALI is not installed, or does not load.
    """
    try:
        import_dali()
    except EngineUnavailable as error:
        raise EngineUnavailable(
            "DALI, which makes the clips on the server, cannot be loaded here", seen=error.seen, fix=f"Run `{INSTALL}`."
        ) from error
