"""A backbone on pixels that are normalised already: what the program that trained it feeds its own network.

The recipe's normalisation is left out, and clips may have other sizes than the recipe's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, LimitExceeded
from videobert.check.fit import fit
from videobert.check.given import PIXELS
from videobert.engines.base import Engine, TakesPixels
from videobert.model.recipe import Recipe
from videobert.model.stage import Axis, StageSpec, TensorSpec

_CLIPS = TensorSpec(
    PIXELS, "float32", (Axis("batch"), Axis("channels", 3), Axis("frames"), Axis("height"), Axis("width"))
)


# Of a clip: some ten times what any recipe has. A backbone needs hundreds of bytes for each.
_MOST_PIXELS = 2**24


def features_of_pixels(
    engine: Engine, spec: StageSpec, pixels: npt.NDArray[Any], recipe: Recipe, notes: list[str]
) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """The backbone's output by name, and in words what was run.

    Args:
        spec: of the backbone.
        pixels: `(batch, 3, frames, height, width)`; `(batch, 3, height, width)` are clips of one frame.
        notes: what was done to them is told here.

    Raises:
        InputError: they do not fit, or the engine takes no pixels.
        LimitExceeded: a clip is larger than any recipe's.
    """
    if not isinstance(engine, TakesPixels):
        raise InputError(
            f"{PIXELS} go into the torch engine alone: graphs take the bytes of clips and normalise them inside",
            seen=engine.name,
            allowed="torch",
            fix=f'Give {spec.inputs[0].name} instead, or choose engine="torch".',
            fix_cli=f"Give {spec.inputs[0].name} instead, or choose --engine torch.",
        )
    if pixels.ndim == 4:
        pixels = pixels[:, :, None]
        notes.append(f"{PIXELS} have four axes: taken as clips of one frame")
    _check_size(pixels, recipe)
    fitted = fit(f"{spec.name}.{PIXELS}", pixels, _CLIPS, notes)
    features = np.concatenate([engine.features_of_pixels(clip[None]) for clip in fitted])
    (output,) = spec.outputs
    spec.check_output(features, {spec.batch: len(fitted)})
    frames, height, width = fitted.shape[2:]
    own = (recipe.frames, recipe.crop, recipe.crop)
    size = f"{frames} x {height} x {width}"
    size += ", as the recipe" if (frames, height, width) == own else f", not the recipe's {' x '.join(map(str, own))}"
    said = f"{PIXELS} float32, already normalised, so the recipe's normalisation was left out; {size}"
    return {output.name: features}, said


def _check_size(pixels: npt.NDArray[Any], recipe: Recipe) -> None:
    seen = math.prod(pixels.shape[2:])
    allowed = max(_MOST_PIXELS, recipe.frames * recipe.crop * recipe.crop)
    if seen > allowed:
        raise LimitExceeded(
            f"a clip of {PIXELS} is too large (frames x height x width)",
            seen=seen,
            allowed=allowed,
            fix="Give smaller clips.",
        )
