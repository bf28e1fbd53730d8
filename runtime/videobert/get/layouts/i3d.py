"""Inception I3D under the names of a flax file, of the PyTorch port, of DeepMind's TensorFlow, and of our own files.

TensorFlow's own checkpoint files are not read: no library that is kept up reads them without TensorFlow. Its names are
known here for arrays that were saved otherwise, as `.npz` or safetensors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from videobert.base.errors import ModelError
from videobert.get.layouts.intake import Array, ArrayIntake, Float32, Taken

CLASSES = 400
FEATURE_DIM = 1024
CLASSIFIER = "classifier"
Shape = tuple[int, ...]

_CHANNELS = 3
_NAMED = 3  # of the tensors that are missing; more would not be shown whole
# Inputs, outputs and kernel of the layers before the blocks.
_STEM = {
    "Conv3d_1a_7x7": (_CHANNELS, 64, 7),
    "Conv3d_2b_1x1": (64, 64, 1),
    "Conv3d_2c_3x3": (64, 192, 3),
}
# Channels of the branches: 1x1 | 1x1 -> 3x3x3 | 1x1 -> 3x3x3 | max pool -> 1x1.
_BLOCKS = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Branches as the port calls them, and we; and as DeepMind does.
_BRANCHES = {
    "b0": "Branch_0/Conv3d_0a_1x1",
    "b1a": "Branch_1/Conv3d_0a_1x1",
    "b1b": "Branch_1/Conv3d_0b_3x3",
    "b2a": "Branch_2/Conv3d_0a_1x1",
    "b2b": "Branch_2/Conv3d_0b_3x3",
    "b3b": "Branch_3/Conv3d_0b_1x1",
}
_NORM = ("weight", "bias", "running_mean", "running_var")
_KERNELS = ("conv3d.weight", f"{CLASSIFIER}.weight")
# (time, height, width, in, out) to (out, in, time, height, width).
_CHANNELS_FIRST = (4, 3, 0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class I3DLayout:
    """Where a project keeps the tensors of I3D.

    Args:
        kind: what messages and ledgers call it.
        names: their name of each of our tensors; the scale of BatchNorm is missing where the project has none.
        channels_first: whether kernels are (out, in, time, height, width), as ours, or (time, height, width, in, out).
        flat_classifier: whether the classifier is a matrix, as ours, or a kernel of 1 x 1 x 1.
        leftovers: endings of names that may be there beside, and why they are left out.
    """

    kind: str
    names: Mapping[str, str]
    channels_first: bool
    flat_classifier: bool = False
    leftovers: Mapping[str, str] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether one of their names is taken, or left out for a reason."""
        return name in self.names.values() or name.endswith(tuple(self.leftovers))


def read_i3d(
    arrays: Mapping[str, Array], layout: I3DLayout | None = None, shapes: Mapping[str, Shape] | None = None
) -> tuple[dict[str, Float32], list[Taken]]:
    """Our tensors of theirs, and what became of each of theirs.

    Args:
        arrays: the checkpoint, by name.
        layout: whose names these are; found from the names by default.
        shapes: our tensors; those of the published network by default, with as many classes as there are.

    Returns:
        Tensors under the names of `I3D` with its classifier, float32, without a prefix; and the ledger. A scale of
        BatchNorm that the project does not have is 1.

    Raises:
        ModelError: another checkpoint, or a damaged one; names the tensors.
    """
    layout = layout or layout_of(arrays)
    shapes = shapes or i3d_shapes(_classes(arrays, layout))
    lacking = [theirs for ours, theirs in layout.names.items() if ours in shapes and theirs not in arrays]
    if lacking:
        raise ModelError(
            f"the {layout.kind} checkpoint lacks {len(lacking)} tensors of I3D",
            seen=", ".join(lacking[:_NAMED]) + (f" and {more} more" if (more := len(lacking) - _NAMED) > 0 else ""),
            fix="Get a whole copy of the checkpoint.",
        )
    intake = ArrayIntake(layout.kind, arrays)
    tensors: dict[str, Float32] = {}
    for ours, shape in shapes.items():
        if ours not in layout.names:
            tensors[ours] = np.ones(shape, np.float32)
            continue
        theirs = layout.names[ours]
        value = intake.take(theirs, ours, _their_shape(ours, shape, layout, arrays[theirs].shape))
        if ours.endswith(_KERNELS) and not layout.channels_first:
            value = value.transpose(_CHANNELS_FIRST)
        tensors[ours] = np.ascontiguousarray(value).reshape(shape)
    for name in arrays:
        for ending, reason in layout.leftovers.items():
            if name.endswith(ending):
                intake.leave_out(name, reason)
    intake.finish()
    return tensors, intake.ledger


def layout_of(names: Collection[str]) -> I3DLayout:
    """Whose names these are.

    Raises:
        ModelError: nobody's that are known here.
    """
    there = set(names)
    found = max(LAYOUTS, key=lambda layout: len(there.intersection(layout.names.values())))
    if there.isdisjoint(found.names.values()):
        raise ModelError(
            "this is not an I3D checkpoint of a known layout",
            seen=", ".join(list(names)[:4]),
            allowed="; ".join(f"{layout.kind}: {next(iter(layout.names.values()))}" for layout in LAYOUTS),
            fix="Check which network this is.",
        )
    return found


def i3d_shapes(classes: int = CLASSES) -> dict[str, Shape]:
    """Our tensors of the published network, with a classifier."""
    shapes: dict[str, Shape] = {}
    for unit, (inputs, outputs, kernel) in _units():
        shapes[f"{unit}.conv3d.weight"] = (outputs, inputs, kernel, kernel, kernel)
        for part in _NORM:
            shapes[f"{unit}.bn.{part}"] = (outputs,)
    return shapes | {f"{CLASSIFIER}.weight": (classes, FEATURE_DIM), f"{CLASSIFIER}.bias": (classes,)}


def _units() -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Every convolution by our name, with its inputs, outputs and kernel."""
    yield from _STEM.items()
    inputs = _STEM["Conv3d_2c_3x3"][1]
    for block, (direct, narrow1, wide1, narrow2, wide2, pooled) in _BLOCKS.items():
        yield f"{block}.b0", (inputs, direct, 1)
        yield f"{block}.b1a", (inputs, narrow1, 1)
        yield f"{block}.b1b", (narrow1, wide1, 3)
        yield f"{block}.b2a", (inputs, narrow2, 1)
        yield f"{block}.b2b", (narrow2, wide2, 3)
        yield f"{block}.b3b", (inputs, pooled, 1)
        inputs = direct + wide1 + wide2 + pooled


def _classes(arrays: Mapping[str, Array], layout: I3DLayout) -> int:
    bias = arrays.get(layout.names[f"{CLASSIFIER}.bias"])
    return CLASSES if bias is None else bias.size


def _their_shape(ours: str, shape: Shape, layout: I3DLayout, found: Shape) -> Shape:
    """What the shape of one of their tensors must be, given ours and what was found."""
    if ours.endswith(_KERNELS) and not (layout.flat_classifier and len(shape) == 2):
        outputs, inputs, *kernel = shape if len(shape) == 5 else (*shape, 1, 1, 1)
        return (outputs, inputs, *kernel) if layout.channels_first else (*kernel, inputs, outputs)
    # Statistics of BatchNorm keep the axes that they were taken over in some files, and not in others.
    kept = (1, 1, 1, 1, *shape)
    return kept if found == kept and not layout.channels_first else shape


def _flax(unit: str) -> dict[str, str]:
    path = _deepmind(unit)
    return {
        f"{unit}.conv3d.weight": f"params/{path}/Conv_0/kernel",
        f"{unit}.bn.bias": f"params/{path}/BatchNorm_0/bias",
        f"{unit}.bn.running_mean": f"batch_stats/{path}/BatchNorm_0/mean",
        f"{unit}.bn.running_var": f"batch_stats/{path}/BatchNorm_0/var",
    }


def _port(unit: str) -> dict[str, str]:
    return {f"{unit}.{part}": f"{unit}.{part}" for part in ("conv3d.weight", *(f"bn.{part}" for part in _NORM))}


def _tensorflow(unit: str) -> dict[str, str]:
    # The one convolution whose name does not follow from its place.
    path = _deepmind(unit) if unit != "Mixed_5b.b2b" else "Mixed_5b/Branch_2/Conv3d_0a_3x3"
    return {
        f"{unit}.conv3d.weight": f"{path}/conv_3d/w",
        f"{unit}.bn.bias": f"{path}/batch_norm/beta",
        f"{unit}.bn.running_mean": f"{path}/batch_norm/moving_mean",
        f"{unit}.bn.running_var": f"{path}/batch_norm/moving_variance",
    }


def _deepmind(unit: str) -> str:
    block, _, branch = unit.partition(".")
    return f"{block}/{_BRANCHES[branch]}" if branch else block


def _names(of_unit: Callable[[str], dict[str, str]], weight: str, bias: str) -> dict[str, str]:
    names = {ours: theirs for unit, _ in _units() for ours, theirs in of_unit(unit).items()}
    return names | {f"{CLASSIFIER}.weight": weight, f"{CLASSIFIER}.bias": bias}


_LOGITS = "Logits/Conv3d_0c_1x1"
_SONNET = _names(_tensorflow, f"{_LOGITS}/conv_3d/w", f"{_LOGITS}/conv_3d/b")
_SCOPE = "RGB/inception_i3d/"

FLAX = I3DLayout(
    kind="flax I3D",
    names=_names(_flax, f"params/{_LOGITS}/Conv_0/kernel", f"params/{_LOGITS}/Conv_0/bias"),
    channels_first=False,
)
PORT = I3DLayout(
    kind="PyTorch I3D",
    names=_names(_port, "logits.conv3d.weight", "logits.conv3d.bias"),
    channels_first=True,
    leftovers={".num_batches_tracked": "a training counter"},
)
TENSORFLOW = I3DLayout(
    kind="TensorFlow I3D",
    names={ours: _SCOPE + theirs for ours, theirs in _SONNET.items()},
    channels_first=False,
    leftovers={"/Momentum": "a training matter"},
)
# As some of DeepMind's own checkpoints are.
TENSORFLOW_WITHOUT_SCOPE = dataclasses.replace(TENSORFLOW, names=_SONNET)
# What `videobert import i3d` writes.
BACKBONE_FILE = I3DLayout(
    kind="I3D backbone file",
    names={ours: ours if ours.startswith(CLASSIFIER) else f"backbone.{ours}" for ours in i3d_shapes()},
    channels_first=True,
    flat_classifier=True,
)
LAYOUTS = (FLAX, PORT, TENSORFLOW, TENSORFLOW_WITHOUT_SCOPE, BACKBONE_FILE)
