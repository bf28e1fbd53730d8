"""The models that ours and the peers share: bundled, got, or of the paper's size with random weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.case import Absent, Setting
from videobert.base.errors import VideoBertError
from videobert.bench.film import made_film
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import multiplies_bf16, multiplies_int8
from videobert.engines.selection import open_engine
from videobert.model.folder import ModelFolder
from videobert.model.precision import Precision
from videobert.model.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

NAMES = ("shapes", "everyday", "paper")
_SIDE = 224
# The film that int8 of the paper's size is made ready on; none of those that are timed.
_CALIBRATED_ON = "854x480x60"


def plain_precision() -> Precision:
    """What ours runs in beside peers in fp32 and bf16, whatever the model would choose: no 8-bit values."""
    return "bf16" if multiplies_bf16() else "fp32"


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


def int8_folder_of(name: str, setting: Setting) -> ModelFolder:
    """A model that is ready for int8: known to be, or of the paper's size, made so once on a generated film.

    Raises:
        Absent: see `folder_of`; the processor has no instructions for int8.
    """
    folder = folder_of(name, setting)
    if not multiplies_int8():
        raise Absent("this processor sums no products of 8-bit values exactly")
    if name != "paper":
        return folder
    ready = setting.scratch / "paper-int8"
    if not ready.exists():
        film = made_film(_CALIBRATED_ON, setting.scratch, lambda _: None)
        words = ["build", str(folder.root), "--out", str(ready), "--precision", "int8", "--clips", str(film)]
        subprocess.run([sys.executable, "-m", "videobert", *words], check=True, capture_output=True)
    return ModelFolder(ready)


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


def engine_of(folder: ModelFolder, setting: Setting, *, hint: Any = "latency") -> Engine:
    """Our engine for CPUs, as `videobert.load` opens it, but for 8-bit values."""
    options = EngineOptions(
        threads=setting.threads, hint=hint, precision=plain_precision(), cache_dir=setting.scratch / "compiled"
    )
    return open_engine(folder, engine="openvino", device="cpu", options=options)


def stages(folder: ModelFolder) -> dict[str, nn.Module]:
    """The plain torch modules of every stage, in fp32, from the same file of weights."""
    from videobert_modeling.models.stage_modules import stages_of
    from videobert_modeling.models.weights import load_weights

    backbone, model = load_weights(folder.root)
    return {name: module.eval() for name, module in stages_of(backbone, model, folder.recipe).items()}
