"""The models that ours and the peers share: bundled, got, or of the paper's size with random weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.case import Absent, Setting
from videobert.base.errors import VideoBertError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.selection import open_engine
from videobert.model.folder import ModelFolder
from videobert.model.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

NAMES = ("shapes", "everyday", "paper")
_SIDE = 224


def folder_of(name: str, setting: Setting) -> ModelFolder:
    """A model by its name here.

    Raises:
        Absent: `everyday` has not been got, or a tiny run asked for more than is bundled.
    """
    if name == "shapes":
        return ModelFolder("shapes")
    if setting.tiny:
        raise Absent(f"a tiny run has no {name}")
    if name == "paper":
        return ModelFolder(_paper(setting.scratch / "paper"))
    try:
        return ModelFolder(name if setting.models is None else setting.models / name)
    except VideoBertError as error:
        raise Absent(f"{error} (`videobert get {name}` makes it)") from error


def _paper(folder: Path) -> Path:
    """BERT-base, S3D at full width on 30 x 224 x 224, 20,736 leaves; made once, in about two minutes."""
    if not folder.exists():
        from benchmarks.published_folder import write_folder
        from videobert_modeling.models import configurations

        partial = folder.with_name(f".{folder.name}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        write_folder(configurations.base(), partial, Recipe(short_side=_SIDE, crop=_SIDE))
        subprocess.run([sys.executable, "-m", "videobert", "build", str(partial)], check=True, capture_output=True)
        partial.rename(folder)
    return folder


def engine_of(folder: ModelFolder, setting: Setting, *, precision: Any = "auto", hint: Any = "latency") -> Engine:
    """Our engine for CPUs, as `videobert.load` opens it."""
    options = EngineOptions(
        threads=setting.threads, hint=hint, precision=precision, cache_dir=setting.scratch / "compiled"
    )
    return open_engine(folder, engine="openvino", device="cpu", options=options)


def stages(folder: ModelFolder) -> dict[str, nn.Module]:
    """The plain torch modules of every stage, in fp32, from the same file of weights."""
    from videobert_modeling.models.stage_modules import stages_of
    from videobert_modeling.models.weights import load_weights

    backbone, model = load_weights(folder.root)
    return {name: module.eval() for name, module in stages_of(backbone, model, folder.recipe).items()}
