"""Which engines of a model folder can run on a GPU, and why the others cannot: decided before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from videobert.base.errors import EngineUnavailable, MismatchError
from videobert.cuda.compute_capability import dotted
from videobert.cuda.driver import CudaDriver
from videobert.engines.tensorrt.build.targets import CAPABILITIES
from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.engines.tensorrt.flavour import CLASSIC, FLAVOURS, RTX, Flavour
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar
from videobert.model.compiled_places import compiled_folders, first_loadable
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import stages_of
from videobert.model.stage_lists import BACKBONE


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableEngines:
    """Engines that may be deserialised.

    Args:
        version: of the library that is installed, and that built them.
        plans: by stage, each with its sidecar, after every check of `load_plan`.
    """

    flavour: Flavour
    version: str
    place: Path
    plans: dict[str, tuple[bytes, PlanSidecar]]

    @property
    def precision(self) -> str:
        """Arithmetic of the backbone, such as `"fp16"`."""
        return str(self.plans[BACKBONE][1].recipe["precision"])


def build_command(folder: ModelFolder, capability: int) -> str:
    """The command that builds engines for a GPU."""
    if dotted(capability) in CAPABILITIES:
        return f"videobert build {folder.root.name} --target {RTX.target} --sm {dotted(capability)}"
    return f"videobert build {folder.root.name} --target {CLASSIC.target}"


def find_engines(
    folder: ModelFolder, driver: CudaDriver, versions: dict[str, str], *, trusted: bool = False
) -> RunnableEngines:
    """The engines of a model that fit a GPU and an installed library, each checked whole and nothing deserialised.

    TensorRT-RTX is looked for first, `engines/` of the folder before the user's cache.

    Args:
        versions: see `flavour.installed_flavours`.
        trusted: the caller vouches for whoever built them.

    Raises:
        UntrustedError: this user did not build them.
        EngineUnavailable: there are no engines for any library that is installed.
        MismatchError: they are damaged, or for another model, version or GPU.
        ModelError: others could have changed a file, or one is missing.
    """
    flavour_of = {place: FLAVOURS[target] for target in versions for place in compiled_folders(folder, target)}

    def load(place: Path) -> RunnableEngines | None:
        if not (place / f"{BACKBONE}.json").exists():
            return None
        flavour = flavour_of[place]
        return _load(folder, driver, flavour, versions[flavour.target], place, trusted)

    found = first_loadable(flavour_of, load)
    if found is not None:
        return found
    raise EngineUnavailable(
        "this model has no TensorRT engines for a library that is installed here",
        seen=", ".join(f"{FLAVOURS[target].module} {version}" for target, version in versions.items()),
        fix=f"Run `{build_command(folder, driver.capability)}`.",
    )


def _load(
    folder: ModelFolder, driver: CudaDriver, flavour: Flavour, version: str, place: Path, trusted: bool
) -> RunnableEngines:
    capability = dotted(driver.capability)
    plans = {}
    for stage in stages_of(folder.config):
        plan, sidecar = load_plan(
            folder,
            place,
            stage,
            library=flavour.module,
            version=version,
            capability=capability,
            trusted=trusted,
        )
        built_for, here = sidecar.recipe.get("gpu"), f"{driver.device_name} {capability}"
        # TensorRT proper builds for the very GPU that it runs on.
        if not flavour.lists_targets and built_for != here:
            raise MismatchError(
                "this engine is not for this machine's GPU",
                seen=here,
                allowed=built_for,
                fix=f"Run `{build_command(folder, driver.capability)}` on this machine.",
            )
        plans[stage] = (plan, sidecar)
    return RunnableEngines(flavour=flavour, version=version, place=place, plans=plans)
