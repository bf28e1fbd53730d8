"""Compiled kernels of one target in a folder, with everything that a process without torch and Triton must know.

`docs/model-folder.md` describes the folder; `videobert.cuda` reads it. Files appear whole or not at all, and the
sidecar last, so that a reader finds the old kernels or the new ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.compile.compilation import CompiledKernel, compile_variant
from videobert_kernels.compile.registry import all_variants
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import FP_FUSION, KernelVariant

FORMAT: Final = 1
SIDECAR: Final = "kernels.json"
# Chosen by the launch plan of a codebook, not by what a variant says it serves.
_PLANNED: Final = "nearest_centroid"
_ALIGNMENT: Final = 256
_OURS: Final = re.compile(r"[a-z0-9][a-z0-9_-]*-[0-9a-f]{8}\.(cubin|bin)\Z")

# Called with what is being done, how much is done and how much there is.
Progress = Callable[[str, float, float | None], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSearch:
    """A nearest-centroid search to store: the arrays that it reads and its plan by number of rows.

    Args:
        dim: values in a point.
        leaves: labels that it can give.
        inputs: by the names of the plan's buffers.
        ranges: what `plan_data` made.
        variants: what the ranges launch.
    """

    dim: int
    leaves: int
    inputs: Mapping[str, tuple[str, Tensor]]
    ranges: Sequence[Mapping[str, Any]]
    variants: Mapping[str, KernelVariant]


def serving(variants: Sequence[KernelVariant], traits: Mapping[str, object], capability: int) -> list[KernelVariant]:
    """The variants that a model with these traits needs on an architecture, without those of the nearest centroid.

    Raises:
        KernelError: a variant asks for a trait that `traits` does not have.
    """
    chosen = []
    for variant in variants:
        unknown = set(variant.serves) - set(traits)
        if unknown:
            raise KernelError(
                f"{variant.name} serves by an unknown trait", seen=sorted(unknown), allowed=sorted(traits)
            )
        wanted = all(traits[trait] in values for trait, values in variant.serves.items())
        if wanted and capability in variant.capabilities and variant.operator != _PLANNED:
            chosen.append(variant)
    return chosen


def build_cubins(
    folder: Path,
    capability: int,
    *,
    traits: Mapping[str, object],
    codebook: str = "",
    searches: Mapping[str, StoredSearch] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Compile what a model needs for one architecture and write it to `folder`; a second or two per kernel.

    Args:
        folder: `engines/cuda-smNN` of a model folder, made if it is not there; kernels of an earlier build go.
        capability: major * 10 + minor.
        traits: `dtype`, `head_size`, `width` and `causal` of the model; see `KernelVariant.serves`.
        codebook: a name for the codebook's values, kept for the reader to compare.
        searches: by method.
        on_progress: called with a kernel's name, how many are compiled and how many there are.

    Returns:
        The sidecar's content.

    Raises:
        KernelError: a kernel does not compile, or uses more shared memory than the architecture has.
        OSError: the folder cannot be written.
    """
    searches = searches or {}
    target = architecture(capability).target
    variants = {variant.name: variant for variant in serving(all_variants(), traits, capability)}
    for search in searches.values():
        variants |= search.variants
    folder.mkdir(parents=True, exist_ok=True)
    kernels = []
    for number, name in enumerate(sorted(variants)):
        if on_progress is not None:
            on_progress(name, number, len(variants))
        kernels.append(_kernel(folder, compile_variant(variants[name], capability)))
    import triton

    content: dict[str, Any] = {
        "format": FORMAT,
        "target": target,
        "capability": capability,
        "triton": triton.__version__,
        "fp_fusion": FP_FUSION,
        "kernels": kernels,
        "searches": {name: _search(folder, name, codebook, search) for name, search in sorted(searches.items())},
    }
    content["digest"] = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    _write(folder / SIDECAR, (json.dumps(content, indent=1) + "\n").encode())
    _remove_others(folder, content)
    if on_progress is not None:
        on_progress("written", len(variants), len(variants))
    return content


def files_of(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of a sidecar that describe a file."""
    return [*content["kernels"], *content["searches"].values()]


def _kernel(folder: Path, compiled: CompiledKernel) -> dict[str, Any]:
    variant, used = compiled.variant, compiled.resources
    limit = architecture(compiled.capability).shared_bytes
    if used.shared_bytes > limit:
        raise KernelError(f"{variant.name} uses too much shared memory", seen=used.shared_bytes, allowed=limit)
    return {
        "name": variant.name,
        "entry": compiled.entry,
        **_stored(folder, variant.name, "cubin", compiled.cubin),
        "arguments": [[name, kind] for name, kind in variant.arguments.items()],
        "aligned": list(variant.aligned),
        "constants": {name: _plain(value) for name, value in variant.constants.items()},
        "threads": compiled.threads,
        "shared_bytes": used.shared_bytes,
        "scratch_pointers": compiled.scratch_pointers,
        "registers": used.registers,
        "stack_bytes": used.stack_bytes,
    }


def _search(folder: Path, name: str, codebook: str, search: StoredSearch) -> dict[str, Any]:
    import torch

    content = bytearray()
    inputs = []
    for key, (dtype, tensor) in search.inputs.items():
        content.extend(bytes(-len(content) % _ALIGNMENT))
        inputs.append({"name": key, "dtype": dtype, "shape": list(tensor.shape), "offset": len(content)})
        content.extend(tensor.cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return {
        "codebook": codebook,
        "dim": search.dim,
        "leaves": search.leaves,
        **_stored(folder, f"nearest-{name}", "bin", bytes(content)),
        "inputs": inputs,
        "ranges": list(search.ranges),
    }


def _stored(folder: Path, name: str, suffix: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    # The content is part of the name: a new build never changes a file that the old sidecar still describes.
    file = f"{name}-{digest[:8]}.{suffix}"
    _write(folder / file, content)
    return {"file": file, "bytes": len(content), "sha256": digest}


def _write(path: Path, content: bytes) -> None:
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _remove_others(folder: Path, content: Mapping[str, Any]) -> None:
    kept = {entry["file"] for entry in files_of(content)}
    for path in folder.iterdir():
        if _OURS.match(path.name) and path.name not in kept:
            path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)
