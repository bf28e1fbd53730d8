"""The backbone of a model folder, ready to run, whether or not the folder was built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.engines.base import EngineOptions
from videobert.engines.selection import open_engine
from videobert.families.build_check import check_sizes
from videobert.model.folder import ModelFolder, backbone_hash
from videobert.model.mending import MANIFEST, WEIGHTS, mend
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert.model.weights_file import backbone_of

Run = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
_GRAPH = "graphs/backbone.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneSource:
    """A backbone and what names it.

    Args:
        recipe: the clips that it takes.
        hash: see `videobert.model.folder.backbone_hash`.
        open: gives what runs it, uint8 `(1, frames, height, width, 3)` to float32 `(1, feature_dim)`, and what closes
            that again.
    """

    recipe: Recipe
    hash: str
    open: Callable[[], tuple[Run, Callable[[], None]]]


def backbone_of_folder(model: Path) -> BackboneSource:
    """The backbone of a folder: its graph where the folder was built with one, else its weights.

    Raises:
        ModelError: a file is missing or damaged, or the folder has no weights to name the backbone by.
    """
    if (model / MANIFEST).is_file():
        folder = ModelFolder(model)
        folder.path(WEIGHTS)
        if _GRAPH in folder:
            return source_of(folder)
        recipe, own = folder.recipe, folder.backbone_hash() or ""
    else:
        recipe = check_sizes(model)[1]
        own = backbone_hash(backbone_of(model / WEIGHTS, fix=mend(model, WEIGHTS)))
    return BackboneSource(recipe=recipe, hash=own, open=lambda: _from_weights(model, recipe))


def source_of(folder: ModelFolder) -> BackboneSource:
    """The backbone of a built folder, run as a runtime would run it."""

    def opened() -> tuple[Run, Callable[[], None]]:
        engine = open_engine(folder, engine="auto", device="auto", options=EngineOptions())
        return lambda clips: engine.run(BACKBONE, clips=clips), engine.close

    return BackboneSource(recipe=folder.recipe, hash=folder.backbone_hash() or "", open=opened)


def _from_weights(model: Path, recipe: Recipe) -> tuple[Run, Callable[[], None]]:
    import torch

    from videobert_modeling.models import load_weights
    from videobert_modeling.models.backbones.channels_last import channels_last
    from videobert_modeling.models.stage_modules import BackboneStage

    backbone = load_weights(model)[0]
    channels_last(backbone)
    stage = BackboneStage(backbone, recipe).eval()

    def run(clips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            features: npt.NDArray[np.float32] = stage(torch.from_numpy(np.ascontiguousarray(clips))).numpy()
        return features

    return run, lambda: None
