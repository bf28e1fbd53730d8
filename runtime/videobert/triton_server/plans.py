"""The classic TensorRT plans of a model folder, for a server that runs the TensorRT which built them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from videobert.engines.tensorrt.place import load_plan, places
from videobert.engines.tensorrt.sidecar import read_sidecar
from videobert.errors import MismatchError
from videobert.model_folder import ModelFolder

# TensorRT-RTX plans cannot be loaded by the server.
_LIBRARY = "tensorrt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedPlan:
    """A plan and the graph that it was built from.

    Args:
        profiles: how many optimisation profiles it has.
        version: of TensorRT; the server's must be the same.
    """

    content: bytes
    graph: Path
    profiles: int
    version: str


def plans_of(folder: ModelFolder) -> dict[str, ServedPlan]:
    """The plans by stage; empty if the folder has none. What is there must be sound.

    Raises:
        ModelError: a plan or sidecar is damaged, or others could have changed it.
        MismatchError: a plan was built from other graphs than the folder's.
    """
    found = {}
    digests = {folder.digest(name): name for name in folder.names() if name.startswith("graphs/")}
    place = next((place for place in places(folder, _LIBRARY) if place.is_dir()), None)
    for path in sorted(place.glob("*.plan")) if place else ():
        stage = path.stem
        recipe = read_sidecar(path.with_suffix(".json")).recipe
        version = str(recipe.get("version"))
        content, _ = load_plan(folder, path.parent, stage, library=_LIBRARY, version=version)
        graph = digests.get(str(recipe.get("graph")))
        if graph is None:
            raise MismatchError(f"the {stage} engine was built from another graph", fix="Build it again.")
        found[stage] = ServedPlan(
            content=content,
            graph=folder.verified_path(graph),
            profiles=len(recipe.get("profiles", ())),
            version=version,
        )
    return found
