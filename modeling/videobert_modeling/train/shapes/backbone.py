"""Training of the backbone: spatial kernels on stills first, then, inflated over time, the whole network on clips.

Clips alone teach motion and colour long before shape and mood. A still is a clip of one frame: every kernel over time
then acts with its middle tap only, so the same module trains as a 2-D network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from videobert.base.atomic import write_atomically
from videobert.model.recipe import Recipe
from videobert_modeling.models import S3D
from videobert_modeling.train.cached_steps import Report
from videobert_modeling.train.shapes.attributes import AttributeHeads, reversed_in_time
from videobert_modeling.train.shapes.dataset import Shards

_ATTRIBUTES_OF_STILLS = ("colour", "shape", "mood")
_ATTRIBUTES_OF_CLIPS = ("colour", "shape", "mood", "motion")
_NORM_MOMENTUM = 0.1
_SHIFT_PX = 4


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: `epochs` over the data, batch size, highest learning rate, final weight of the pull."""

    epochs: int
    batch: int
    rate: float
    pull: float = 0.3
    decay: float = 0.02


def new_backbone(width: float, seed: int) -> S3D:
    """A fresh S3D whose kernels over time have only their middle tap."""
    torch.manual_seed(seed)
    backbone = S3D(width, norm_momentum=_NORM_MOMENTUM)
    for kernel in _time_kernels(backbone):
        middle = kernel.shape[2] // 2
        scale = math.sqrt(kernel.shape[2])  # the other taps no longer share the variance
        kept = kernel[:, :, middle].clone() * scale
        kernel.zero_()
        kernel[:, :, middle] = kept
    return backbone


def inflate(backbone: S3D, seed: int, share: float = 0.3) -> None:
    """Gives kernels over time their other taps: noise of `share` of the middle tap's deviation."""
    generator = torch.Generator().manual_seed(seed)
    for kernel in _time_kernels(backbone):
        middle = kernel.shape[2] // 2
        noise = torch.randn(kernel.shape, generator=generator) * kernel[:, :, middle].std() * share
        noise[:, :, middle] = 0
        kernel.add_(noise / math.sqrt(kernel.shape[2] - 1))


def still_features(backbone: S3D, stills: Tensor) -> Tensor:
    """Features `(n, dim)` of normalised single frames `(n, 3, 1, height, width)`."""
    for layer in backbone.features:
        if isinstance(layer, nn.MaxPool3d) and layer.kernel_size == 2:
            stills = nn.functional.max_pool3d(stills, (1, 2, 2))
        else:
            stills = layer(stills)
    return stills.float().mean((2, 3, 4))


def clip_features(backbone: S3D, clips: Tensor) -> Tensor:
    """Features `(n, dim)` of normalised clips, as `S3D.forward` gives them, pooled in float32 under autocast."""
    maps = backbone.features(clips).float().mean((3, 4))
    return nn.functional.avg_pool1d(maps, 2, 1).mean(2)


def train_on_stills(
    backbone: S3D, data: Shards, recipe: Recipe, schedule: Schedule, seed: int, folder: Path, report: Report
) -> None:
    """Trains `backbone` in place on colour, shape and mood of stills."""
    heads = AttributeHeads(backbone.feature_dim)
    rows = np.arange(len(data))
    _train(still_features, backbone, heads, data, rows, recipe, schedule, _ATTRIBUTES_OF_STILLS, seed, folder, report)


def train_on_clips(
    backbone: S3D,
    data: Shards,
    recipe: Recipe,
    schedule: Schedule,
    seed: int,
    folder: Path,
    report: Report,
    motion_weight: float = 1.0,
) -> None:
    """Trains `backbone` in place on all attributes of clips that show one event (nearly) alone."""
    heads = AttributeHeads(backbone.feature_dim)
    rows = np.flatnonzero(data.records["share"] > 0.85)
    _train(
        clip_features,
        backbone,
        heads,
        data,
        rows,
        recipe,
        schedule,
        _ATTRIBUTES_OF_CLIPS,
        seed,
        folder,
        report,
        motion_weight,
    )


def _train(
    features_of: Callable[[S3D, Tensor], Tensor],
    backbone: S3D,
    heads: AttributeHeads,
    data: Shards,
    rows: npt.NDArray[np.int64],
    recipe: Recipe,
    schedule: Schedule,
    attributes: tuple[str, ...],
    seed: int,
    folder: Path,
    report: Report,
    motion_weight: float = 1.0,
) -> None:
    network = nn.ModuleDict({"backbone": backbone, "heads": heads}).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=schedule.decay)
    steps_an_epoch = len(rows) // schedule.batch
    total = steps_an_epoch * schedule.epochs
    turn = torch.optim.lr_scheduler.OneCycleLR(optimizer, schedule.rate, total_steps=total, pct_start=0.15)
    first = _resume(folder, network, optimizer, turn)
    network.train()
    for epoch in range(first, schedule.epochs):
        rng = np.random.default_rng([seed, 5, epoch])
        averages = np.zeros(2 + len(attributes))
        for step, batch in enumerate(_batches(rng, rows, schedule.batch)):
            clips, labels = _augmented(rng, data, batch, recipe)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                features = features_of(backbone, clips)
            losses = heads.losses(features, labels, attributes, motion_weight)
            optimizer.zero_grad(set_to_none=True)
            # The pull comes in slowly: what the features cannot yet tell would count as noise to be removed.
            pull = schedule.pull * min(1.0, 2 * (epoch * steps_an_epoch + step) / total)
            torch.autograd.backward(losses.sorting + pull * losses.unexplained)
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            turn.step()
            now = np.array([losses.sorting.item(), losses.unexplained.item(), *losses.right])
            averages = now if step == 0 else 0.95 * averages + 0.05 * now
            if step % 10 == 9 or step == steps_an_epoch - 1:
                text = " ".join(f"{n} {v:.2f}" for n, v in zip(("loss", "rest", *attributes), averages, strict=True))
                report((epoch * steps_an_epoch + step + 1) / total, text)
        _keep(folder, network, optimizer, turn, epoch + 1)
    backbone.eval()


def _batches(rng: np.random.Generator, rows: npt.NDArray[np.int64], size: int) -> Iterator[npt.NDArray[np.int64]]:
    order = rng.permutation(rows)
    for first in range(0, len(order) - size + 1, size):
        yield np.sort(order[first : first + size])


def normalised(pixels: Tensor, recipe: Recipe) -> Tensor:
    """Clips `(n, 3, frames, height, width)` for the backbone from uint8 `(n, frames, height, width, 3)`."""
    mean, std = torch.tensor(recipe.mean), torch.tensor(recipe.std)
    return ((pixels.float() / 255 - mean) / std).permute(0, 4, 1, 2, 3)


def _augmented(
    rng: np.random.Generator, data: Shards, batch: npt.NDArray[np.int64], recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """A batch, each picture mirrored, reversed in time, relit, tinted and moved a little at random.

    No picture is made of a combination that is held out.
    """
    labels = data.records["labels"][batch].astype(np.int64)
    first = data[int(batch[0])]
    frames = first if first.ndim == 4 else first[None]
    pixels = np.empty((len(batch), *frames.shape), np.uint8)
    for row, index in enumerate(batch):
        clip = data[int(index)]
        clip = clip if clip.ndim == 4 else clip[None]
        if rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if rng.random() < 0.5 and (backwards := reversed_in_time(labels[row])) is not None:
            clip, labels[row] = clip[::-1], backwards
        dy, dx = rng.integers(0, 2 * _SHIFT_PX + 1, 2)
        _move(clip, pixels[row], int(dy), int(dx))
    gain = rng.uniform(0.8, 1.2, (len(batch), 1)) * rng.uniform(0.94, 1.06, (len(batch), 3))
    lift = rng.uniform(-0.08, 0.08, (len(batch), 1))
    mean, std = np.asarray(recipe.mean), np.asarray(recipe.std)
    scale = torch.from_numpy(gain / 255 / std).to(torch.bfloat16)[:, None, None, None]
    shift = torch.from_numpy((lift - mean) / std).to(torch.bfloat16)[:, None, None, None]
    # In bfloat16 as the first convolution would take it anyway; pixel values are exact in it.
    clips = torch.from_numpy(pixels).to(torch.bfloat16).mul_(scale).add_(shift)
    return clips.permute(0, 4, 1, 2, 3), torch.from_numpy(labels)


def _move(clip: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8], dy: int, dx: int) -> None:
    """Copies `clip` into `out`, moved by whole pixels; what moves out on one side comes in on the other."""
    height, width = out.shape[1:3]
    for to_y, from_y in ((slice(dy, None), slice(0, height - dy)), (slice(0, dy), slice(height - dy, None))):
        for to_x, from_x in ((slice(dx, None), slice(0, width - dx)), (slice(0, dx), slice(width - dx, None))):
            out[:, to_y, to_x] = clip[:, from_y, from_x]


def _time_kernels(backbone: S3D) -> list[Tensor]:
    return [
        module.weight.data
        for module in backbone.modules()
        if isinstance(module, nn.Conv3d) and module.kernel_size[0] > 1
    ]


def _keep(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    turn: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
) -> None:
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "turn": {k: v for k, v in turn.state_dict().items() if isinstance(v, (int, float))},
        "epoch": epoch,
    }
    write_atomically(folder / "epoch.pt", lambda path: torch.save(state, path))


def _resume(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, turn: torch.optim.lr_scheduler.LRScheduler
) -> int:
    path = folder / "epoch.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    turn.load_state_dict(state["turn"])
    return int(state["epoch"])
