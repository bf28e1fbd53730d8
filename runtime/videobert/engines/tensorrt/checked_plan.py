"""The checks before a plan is believed: who built it, from what, for which library and GPU, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

from videobert.base.code_trust import read_code, require_own_build
from videobert.base.errors import MismatchError
from videobert.engines.tensorrt.plan_info import read_header
from videobert.engines.tensorrt.plan_sidecar import REBUILD, PlanSidecar, read_sidecar
from videobert.model.folder import ModelFolder


def load_plan(
    folder: ModelFolder,
    place: Path,
    stage: str,
    *,
    library: str,
    version: str | None,
    capability: str | None = None,
    trusted: bool = False,
) -> tuple[bytes, PlanSidecar]:
    """A plan that may be deserialised: this user built it or vouches for it, and it fits model, library and GPU.

    Args:
        library: Python module that will run it, such as `"tensorrt_rtx"`.
        version: of that library; a plan runs with exactly the version that built it. None leaves that to the caller.
        capability: compute capability of the GPU, such as `"8.9"`; None leaves that out.
        trusted: the caller vouches for whoever built it.

    Raises:
        UntrustedError: this user did not build it.
        ModelError: a file is missing, or others could have changed it.
        MismatchError: damaged, changed, or made for another model, library, version or GPU.
    """
    sidecar = read_sidecar(place / f"{stage}.json")
    require_own_build(sidecar.digest, str(place / f"{stage}.json"), trusted=trusted)
    recipe = sidecar.recipe
    wanted = {"stage": stage, "library": library, "version": version}
    for name, value in wanted.items():
        if value is not None and recipe.get(name) != value:
            raise MismatchError(
                f"this engine is for another {name}",
                seen=recipe.get(name),
                allowed=value,
                fix="Build it again here with `videobert build`.",
            )
    known = {folder.digest(name) for name in folder.names() if name.startswith("graphs/")}
    if not {recipe.get("graph"), recipe.get("weights")} <= known:
        raise MismatchError(
            f"this engine was built from another {stage}",
            seen=f"sha256 {str(recipe.get('graph'))[:16]}…",
            fix="Build it again with `videobert build`.",
        )
    if capability is not None and recipe.get("targets") and capability not in recipe["targets"]:
        raise MismatchError(
            "this engine is not for this machine's GPU",
            seen=f"compute capability {capability}",
            allowed=", ".join(recipe["targets"]),
            fix=f"Build it with `--sm {capability}`.",
        )
    plan = read_code(place / f"{stage}.plan", sidecar.size_bytes, REBUILD)
    sidecar.check_plan(plan)
    if library == "tensorrt_rtx":
        header = read_header(plan)
        if header.version != recipe["version"] or (header.known and set(header.targets) != set(recipe["targets"])):
            raise MismatchError(
                "this plan is not what its sidecar says",
                seen=f"version {header.version} for {', '.join(header.targets)}",
                allowed=f"version {recipe['version']} for {', '.join(recipe['targets'])}",
                fix="Build it again with `videobert build`.",
            )
    return plan, sidecar
