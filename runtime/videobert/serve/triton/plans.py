"""The classic TensorRT plans of a model folder, for a server that runs the TensorRT which built them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.model.compiled_places import compiled_folders, first_loadable
from videobert.model.folder import ModelFolder

# TensorRT-RTX plans cannot be loaded by the server.
_LIBRARY = "tensorrt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPlan:
    """A plan for a stage.

    Args:
        profiles: how many optimisation profiles it has.
        version: of TensorRT; the server's must be the same.
    """

    content: bytes
    profiles: int
    version: str


def plans_of(folder: ModelFolder, *, trusted: bool = False) -> dict[str, ServedPlan]:
    """The plans by stage; empty if the folder has none. What is there must be sound, as for the runtime.

    Args:
        trusted: the caller vouches for whoever built them.

    Raises:
        UntrustedError: this user did not build them: a server would run them unasked.
        ModelError: a plan or sidecar is damaged, or others could have changed it.
        MismatchError: a plan was built from other graphs than the folder's.
    """

    def load(place: Path) -> dict[str, ServedPlan] | None:
        stages = sorted(path.stem for path in place.glob("*.plan"))
        loaded = {
            stage: load_plan(folder, place, stage, library=_LIBRARY, version=None, trusted=trusted) for stage in stages
        }
        return {
            stage: ServedPlan(
                content=plan,
                profiles=len(sidecar.recipe.get("profiles", ())),
                version=str(sidecar.recipe.get("version")),
            )
            for stage, (plan, sidecar) in loaded.items()
        } or None

    return first_loadable(compiled_folders(folder, _LIBRARY), load) or {}
