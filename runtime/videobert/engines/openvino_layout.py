"""Backbones of 3-D convolutions in the order that suits a processor: the same sums of the same values.

Each form is taken where it was measured to be faster (docs/performance.md):

- **pixels in pairs**: two neighbours in a row are one place of six channels, in the bytes that are given anyway;
- **rows before frames**: convolutions over time find what they read in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.offline_imports import openvino_library
from videobert.engines.openvino_first_convolution import FirstOfClips, first_of_clips
from videobert.engines.openvino_pixel_pairs import pair_pixels
from videobert.engines.openvino_rows_first import put_rows_first

# What changes here or in the forms changes compiled graphs that are kept.
LAYOUT_FORMAT: Final = 1
# Stand in the name of a compiled graph's input, so that one that was kept tells what it takes.
_MARKS: Final = (".rows-first", ".pairs")


class Layout(NamedTuple):
    """How a compiled graph takes clips, which are uint8 `(batch, frames, height, width, 3)`.

    Args:
        rows_first: the axes of frames and of rows have changed places.
        pairs: the last two axes are `(width / 2, 6)`.
    """

    rows_first: bool = False
    pairs: bool = False

    @classmethod
    def of_input(cls, names: Iterable[str]) -> Layout:
        """As the names of a compiled graph's input tell."""
        known = list(names)
        return cls(*(any(mark in name for name in known) for mark in _MARKS))

    def name(self, plain: str) -> str:
        """The input's name in the compiled graph."""
        return plain + "".join(mark for mark, is_so in zip(_MARKS, self, strict=True) if is_so)

    def clips(self, clips: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Clips as the graph takes them; a view where the bytes are in order."""
        if self.rows_first:
            clips = np.ascontiguousarray(clips.swapaxes(1, 2))
        if self.pairs:
            clips = clips.reshape(*clips.shape[:3], clips.shape[3] // 2, -1)
        return clips

    def inputs(self, given: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """A stage's inputs as the graph takes them."""
        if not any(self):
            return dict(given)
        return {self.name(name): self.clips(clips) for name, clips in given.items()}


AS_GIVEN: Final = Layout()


def lay_out(model: Any, value_bytes: int) -> Layout:
    """Change a model with fixed shapes, before it is compiled, where that makes it faster.

    Args:
        model: an `openvino.Model`; one that is no backbone of 3-D convolutions stays as it is.
        value_bytes: of the values that are multiplied: 4 in fp32, 2 in bf16, 1 in int8.
    """
    first = first_of_clips(model)
    if first is None:
        return AS_GIVEN
    layout = Layout(
        # Four bytes are multiplied one by one: there is nothing to pair.
        pairs=value_bytes < 4 and pair_pixels(first),
        rows_first=put_rows_first(first.node, value_bytes),
    )
    take_clips(model, first, layout)
    return layout


def take_clips(model: Any, first: FirstOfClips, layout: Layout) -> None:
    """Let a model take clips as its convolutions are laid out."""
    if not any(layout):
        return
    shape = layout.clips(np.empty(first.shape, np.uint8)).shape
    first.parameter.set_partial_shape(openvino_library().PartialShape(list(shape)))
    output = first.parameter.output(0)
    output.set_names({layout.name(name) for name in output.get_names()})
    model.validate_nodes_and_infer_types()
