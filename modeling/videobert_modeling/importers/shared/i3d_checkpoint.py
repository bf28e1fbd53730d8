"""I3D's checkpoint in any layout that is known, or a backbone file written from one, as our backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videobert.base.errors import LimitExceeded, ModelError
from videobert.get.flax_pickle import MOST_BYTES, read_flax_pickle
from videobert.get.label_files import kinetics400
from videobert.get.layouts.i3d import CLASSIFIER, LAYOUTS, I3DLayout, layout_of, read_i3d
from videobert_modeling.importers.shared.backbone_file import labels_of_classes, stored_labels
from videobert_modeling.importers.shared.checkpoint import READABLE, open_checkpoint
from videobert_modeling.model_folder.ledger import Entry, Ledger, Status
from videobert_modeling.models import I3D

_STEM = "Conv3d_1a_7x7.conv3d.weight"
_STEM_CHANNELS = 64
_LAST_BLOCK = tuple(f"Mixed_5c.{branch}.conv3d.weight" for branch in ("b0", "b1b", "b2b", "b3b"))
_COUNTER = ".num_batches_tracked"
_FLAX = ".ckpt"
_TENSORFLOW = (".index", ".meta", ".data-00000-of-00001")

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class OpenedI3D:
    """A network with its classifier, if the checkpoint has one, in evaluation mode.

    Args:
        labels: of the classifier, in its order; empty without one.
        ledger: what became of the checkpoint's tensors.
    """

    network: I3D
    labels: tuple[str, ...]
    ledger: Ledger


def open_i3d(path: Path, *, labels: tuple[str, ...] | None = None, strict: bool = True) -> OpenedI3D:
    """Read I3D from a checkpoint.

    Args:
        path: a flax file, or see `open_checkpoint`.
        labels: of the classifier; by default those in a backbone file, else DeepMind's if there are 400, else numbers.
        strict: refuse tensors that are not I3D's.

    Raises:
        ModelError: not an I3D checkpoint, or damaged, or as many labels as classes are not there.
        LimitExceeded: too large.
    """
    path = Path(path)
    arrays, notes = _arrays(path)
    layout = layout_of(arrays)
    ledger = Ledger(layout.kind, path.name, notes=notes)
    known = {name: array for name, array in arrays.items() if layout.knows(name)}
    with torch.device("meta"):
        model = I3D(*_sizes(known, layout), classes=_classes(known, layout))
    shapes = {name: tuple(t.shape) for name, t in model.state_dict().items() if not name.endswith(_COUNTER)}
    tensors, taken = read_i3d(known, layout, shapes)
    for line in taken:
        status: Status = "ignored" if line.target is None else "used" if line.target == line.name else "renamed"
        ledger.entries.append(Entry(line.name, status, line.shape, line.target, line.reason))
    ledger.entries += [Entry(name, "unexplained", array.shape) for name, array in arrays.items() if name not in known]
    if strict:
        ledger.require_explained()
    if any(name not in layout.names for name in shapes):
        ledger.notes.append("the source has no scale in BatchNorm: ours is 1")
    # Copies: what was read may not be written to.
    state: dict[str, Tensor] = {name: torch.tensor(array) for name, array in tensors.items()}
    counters = {name: torch.zeros((), dtype=torch.int64) for name in model.state_dict() if name.endswith(_COUNTER)}
    model.load_state_dict(state | counters, assign=True)
    classes = 0 if model.classifier is None else model.classifier.out_features
    return OpenedI3D(model.eval(), labels_of_classes(labels or stored_labels(path), classes, kinetics400()), ledger)


def is_i3d(path: Path) -> bool:
    """Whether a backbone that may be S3D or I3D is the latter: a flax file, or told by its names.

    Raises:
        ModelError: it cannot be read.
    """
    if path.is_file() and path.suffix.lower() == _FLAX:
        return True
    names = open_checkpoint(path).tensors
    return any(layout.names[_STEM] in names for layout in LAYOUTS)


def width_of(model: I3D) -> float:
    """The factor on channel counts that a network was built with."""
    return int(model.state_dict()[_STEM].shape[0]) / _STEM_CHANNELS


def _arrays(path: Path) -> tuple[Arrays, list[str]]:
    if path.name.endswith(_TENSORFLOW) or (not path.exists() and path.with_name(f"{path.name}.index").exists()):
        raise ModelError(
            "checkpoint files of TensorFlow are not read without TensorFlow",
            seen=path.name,
            allowed=f"a flax file, {', '.join(READABLE)}",
            fix="Save its arrays under their names as .npz, or use the flax file or the PyTorch port's.",
        )
    if path.is_dir() or not path.is_file() or path.suffix.lower() in READABLE:
        checkpoint = open_checkpoint(path)
        return {name: _array(tensor) for name, tensor in checkpoint.tensors.items()}, list(checkpoint.notes)
    if path.stat().st_size > MOST_BYTES:
        raise LimitExceeded(f"{path.name} is too large (bytes)", seen=path.stat().st_size, allowed=MOST_BYTES)
    return dict(read_flax_pickle(path.read_bytes())), []


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    # numpy has no bfloat16.
    return np.asarray(tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach())


def _sizes(arrays: Mapping[str, npt.NDArray[Any]], layout: I3DLayout) -> tuple[float, int | None]:
    """Width factor and feature length, read off the first and the last layers; where those lack, the published ones."""
    outputs = 0 if layout.channels_first else -1
    kernels = [arrays.get(layout.names[name]) for name in (_STEM, *_LAST_BLOCK)]
    channels = [kernel.shape[outputs] for kernel in kernels if kernel is not None and kernel.ndim == 5]
    if len(channels) != len(kernels):
        return 1.0, None
    return channels[0] / _STEM_CHANNELS, sum(channels[1:])


def _classes(arrays: Mapping[str, npt.NDArray[Any]], layout: I3DLayout) -> int | None:
    bias = arrays.get(layout.names[f"{CLASSIFIER}.bias"])
    return None if bias is None else bias.size
