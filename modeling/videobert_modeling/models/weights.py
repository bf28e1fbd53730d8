"""`model.safetensors` of a model folder: backbone, encoder and heads in one file, fp16 on disk, fp32 in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert.model.folder import backbone_hash
from videobert_modeling.models.backbones.i3d import I3D
from videobert_modeling.models.backbones.resnet import BLOCKS, ResNet
from videobert_modeling.models.backbones.s3d import S3D
from videobert_modeling.models.backbones.s3dg import S3DG
from videobert_modeling.models.families.conse import Conse
from videobert_modeling.models.families.milnce import MilNce
from videobert_modeling.models.families.next_token import NextToken
from videobert_modeling.models.families.univl import UniVl
from videobert_modeling.models.families.videobert import VideoBert

Backbone = S3D | I3D | S3DG | ResNet
Model = VideoBert | Conse | MilNce | NextToken | UniVl

_BACKBONE = "backbone."
_COUNTER = ".num_batches_tracked"
_FIX = "Check that model.safetensors belongs to config.json, or import the checkpoint again."
_WIDER = 'Store them as float32: dtype="float32" (--dtype float32); NaN and Inf have no place in a model.'
_MOST_NAMED = 8


_BACKBONES: dict[str, Callable[[float, int], Backbone]] = {
    "s3d": S3D,
    "i3d": I3D,
    "s3dg": S3DG,
    **{f"resnet{depth}": partial(ResNet, depth) for depth in BLOCKS},
}
_FAMILIES: dict[str, type[Model]] = {
    "videobert": VideoBert,
    "conse": Conse,
    "univl": UniVl,
    "milnce": MilNce,
    "next_token": NextToken,
}


def backbone_tensors(backbone: Backbone) -> dict[str, Tensor]:
    """The tensors of a backbone that a model folder keeps, by name without prefix.

    The classifier and the counters of BatchNorm are training matters and are left out.
    """
    return {
        name: tensor
        for name, tensor in backbone.state_dict().items()
        if not name.startswith("classifier.") and not name.endswith(_COUNTER)
    }


def _named(backbone: Backbone, model: Model) -> dict[str, Tensor]:
    """Everything that a model folder keeps, by name."""
    own = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith(_COUNTER)}
    return {_BACKBONE + name: tensor for name, tensor in backbone_tensors(backbone).items()} | own


def _empty(config: ModelConfig) -> tuple[Backbone, Model]:
    """The networks without values."""
    with torch.device("meta"):
        backbone = _BACKBONES[config.backbone.kind](config.backbone.width, config.backbone.feature_dim)
        return backbone, _FAMILIES[config.family](config)


def hash_of(backbone: Backbone) -> str:
    """`backbone_hash` of a network as a model folder will store it."""
    return backbone_hash({name: tensor.detach().numpy() for name, tensor in backbone_tensors(backbone).items()})


def save_weights(model: Model, backbone: Backbone, path: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write `path`, replacing it in one step; the same weights give the same bytes.

    Raises:
        ModelError: a tensor holds NaN, Inf or a value too large for `dtype`; nothing is written.
    """
    named = _named(backbone, model)
    # Statistics of published networks reach below what fp16 holds exactly; they are few.
    thin = dtype if isinstance(model, VideoBert) else torch.float32
    kinds = {name: dtype if tensor.dim() > 1 else thin for name, tensor in named.items()}
    tensors = {name: tensor.detach().to("cpu", kinds[name]).contiguous() for name, tensor in named.items()}
    _check_finite(tensors, f"does not fit {str(dtype).removeprefix('torch.')}", _WIDER)
    write_atomically(path, lambda partial: save_file(tensors, partial))


def tensor_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The tensors that `model.safetensors` of a model holds."""
    return {name: tuple(tensor.shape) for name, tensor in _named(*_empty(config)).items()}


def load_weights(folder: Path) -> tuple[Backbone, Model]:
    """Backbone and model of a folder, in fp32, in evaluation mode, on the CPU.

    Raises:
        ModelError: a file is missing or damaged; a tensor is missing, unexpected, of the wrong shape or kind, or holds
            NaN or Inf. The message names the tensors.
    """
    backbone, model = _empty(ModelConfig.read(folder / "config.json"))
    tensors = _read(folder / "model.safetensors")
    _check_names(tensors, _named(backbone, model))
    _check_finite(tensors, "holds NaN or Inf")
    tensors = {name: tensor.float() for name, tensor in tensors.items()}
    own = {name.removeprefix(_BACKBONE): t for name, t in tensors.items() if name.startswith(_BACKBONE)}
    _assign(backbone, own)
    _assign(model, {name: t for name, t in tensors.items() if not name.startswith(_BACKBONE)})
    return backbone, model


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path.name} cannot be read", seen=str(error), fix="Check that the model folder is complete."
        ) from error


def _check_names(tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    missing = sorted(expected.keys() - tensors.keys())
    unexpected = sorted(tensors.keys() - expected.keys())
    if missing or unexpected:
        parts = [f"missing {_listed(missing)}"] if missing else []
        parts += [f"unexpected {_listed(unexpected)}"] if unexpected else []
        raise ModelError("model.safetensors does not hold the tensors of this model", seen="; ".join(parts), fix=_FIX)
    for name in sorted(expected):
        tensor, shape = tensors[name], tuple(expected[name].shape)
        if tuple(tensor.shape) != shape or not tensor.is_floating_point():
            raise ModelError(
                f"tensor {name} has the wrong shape or kind",
                seen=f"{tensor.dtype} {tuple(tensor.shape)}",
                allowed=f"floating point {shape}",
                fix=_FIX,
            )


def _check_finite(tensors: dict[str, Tensor], what: str, fix: str = "Use weights without such values.") -> None:
    bad = sorted(name for name, tensor in tensors.items() if not torch.isfinite(tensor).all())
    if bad:
        raise ModelError(f"a tensor {what}", seen=_listed(bad), fix=fix)


def _assign(module: nn.Module, state: dict[str, Tensor]) -> None:
    counters = {name: torch.zeros((), dtype=torch.int64) for name in module.state_dict() if name.endswith(_COUNTER)}
    module.load_state_dict(state | counters, assign=True)
    module.requires_grad_(True).eval()


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
