"""`videobert build --target cuda-smNN`: the kernels that a model needs, compiled for GPUs that need not be here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.code_trust import remember_build
from videobert.base.errors import EngineUnavailable, UsageError
from videobert.cli.build.job import DEFAULT_PRECISION, TargetJob
from videobert.cli.needs_modeling import modeling_side
from videobert.cli.notes import note
from videobert.cli.progress import step_progress
from videobert.cuda.kernel_targets import KERNEL_TARGETS
from videobert.model.compiled_places import copy_folder, folder_for_building
from videobert.model.folder import ModelFolder
from videobert.model.precision import FLOAT_PRECISIONS


def build_cubins_of(job: TargetJob) -> Sequence[dict[str, Any]]:
    """Compile for one capability and write it where the folder's engines lie.

    Raises:
        UsageError: no such precision, or options that belong to other targets.
        EngineUnavailable: torch or Triton is not installed, or a kernel cannot be compiled.
        ModelError: the model folder is damaged.
    """
    capability = KERNEL_TARGETS[job.target]
    if job.capabilities is not None:
        raise UsageError(
            f"--sm does not go with {job.target}, which names its capability",
            seen=", ".join(job.capabilities),
            fix="Leave --sm out.",
        )
    if job.keep is not None:
        raise UsageError("--keep belongs to engines and to int8", seen=job.target, fix="Leave --keep out.")
    precision = job.precision or DEFAULT_PRECISION
    if precision not in FLOAT_PRECISIONS:
        raise UsageError(
            "there are no kernels for this precision",
            seen=precision,
            allowed=", ".join(FLOAT_PRECISIONS),
            fix=f"Leave --precision out for {DEFAULT_PRECISION}.",
        )
    model = ModelFolder(job.folder)
    if job.out is not None:
        copy_folder(model, job.out)
        model = ModelFolder(job.out)
    place = folder_for_building(model, job.target)
    if not place.is_relative_to(model.root):
        note(f"note: {model.root} is not written to: the kernels go to {place}", job.options)
    encoder = model.config.encoder
    traits = {
        "dtype": precision,
        "head_size": encoder.width // encoder.heads,
        "width": encoder.width,
        # No head of VideoBERT looks only backwards.
        "causal": False,
    }
    with modeling_side("build --target cuda-…", "kernels"):
        import triton  # noqa: F401  # without it the next lines would work for minutes before they fail

        from videobert_kernels.compile.cubins import build_cubins, files_of
        from videobert_kernels.errors import KernelError

        try:
            with step_progress(f"compiling for {job.target}", job.options) as on_progress:
                codebook, searches = _searches(model, capability)
                content = build_cubins(
                    place, capability, traits=traits, codebook=codebook, searches=searches, on_progress=on_progress
                )
        except KernelError as error:
            raise EngineUnavailable(f"the kernels for {job.target} cannot be compiled here", seen=str(error)) from error
        remember_build(content["digest"])
        return [_row(entry, str(place)) for entry in files_of(content)]


def _searches(model: ModelFolder, capability: int) -> tuple[str, dict[str, Any]]:
    if "codebook.safetensors" not in model:
        return "", {}
    import torch

    from videobert.visual.codebook import Codebook
    from videobert_kernels.compile.stored_searches import nearest_searches

    codebook = Codebook.from_bytes(model.read("codebook.safetensors"))
    levels = [(torch.from_numpy(level.centroids), torch.from_numpy(level.offsets)) for level in codebook.levels or ()]
    return codebook.hash, nearest_searches(torch.from_numpy(codebook.leaves), levels, capability)


def _row(entry: Any, place: str) -> dict[str, Any]:
    what = f"{entry['registers']} registers" if "registers" in entry else "packed centroids"
    return {"name": entry["file"], "size_bytes": entry["bytes"], "summary": what, "folder": place}
