"""TransNetV2, which tells for each frame whether a shot ends there (arXiv 2008.04838).

It sees frames of 48 x 27 pixels. Three stages of dilated convolutions look along time with four strides at once; beside
them two branches compare each frame with the fifty before and after it: by what the convolutions see, and by histograms
of 512 colours. The published network has a second head, "all frames of the transition", which is only a help for
training; shots are taken from the first, so the second is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HEIGHT, WIDTH = 27, 48
_CHANNELS = 3
_NORM_EPS = 1e-3
_FILTERS = (16, 32, 64)
_DILATIONS = (1, 2, 4, 8)
_CELLS = 3 * 6  # what is left of 27 x 48 after three poolings by two
_NEIGHBOURS = 50  # frames before, and as many after
_COMPARED = 2 * _NEIGHBOURS + 1
_SIMILARITY, _BRANCH, _HIDDEN = 128, 128, 1024
_COLOUR_LEVELS = 8  # of each channel: 512 colours


class DilatedConvs(nn.Module):
    """Four separable 3-D convolutions side by side that look 1, 2, 4 and 8 frames to each side, then BatchNorm.

    Their first halves, over the picture, see the same input: they are one convolution here, with the filters of the
    four one after the other.
    """

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.spatial = nn.Conv3d(inputs, len(_DILATIONS) * 2 * filters, (1, 3, 3), padding=(0, 1, 1), bias=False)
        self.temporal = nn.ModuleList(
            nn.Conv3d(2 * filters, filters, (3, 1, 1), padding=(step, 0, 0), dilation=(step, 1, 1), bias=False)
            for step in _DILATIONS
        )
        self.norm = nn.BatchNorm3d(len(_DILATIONS) * filters, eps=_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.spatial(x).chunk(len(_DILATIONS), 1)
        joined = torch.cat([conv(part) for conv, part in zip(self.temporal, parts, strict=True)], 1)
        out: Tensor = self.norm(joined)
        return out


class Stage(nn.Module):
    """Two `DilatedConvs` with a shortcut around the second, and a pool that halves the picture."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.first = DilatedConvs(inputs, filters)
        self.second = DilatedConvs(len(_DILATIONS) * filters, filters)

    def forward(self, x: Tensor) -> Tensor:
        first = nn.functional.relu(self.first(x))
        return nn.functional.avg_pool3d(first + nn.functional.relu(self.second(first)), (1, 2, 2))


class TransNetV2(nn.Module):
    """The network with its head for the frame of a transition."""

    def __init__(self) -> None:
        super().__init__()
        widths = [len(_DILATIONS) * filters for filters in _FILTERS]
        self.stages = nn.ModuleList(
            Stage(inputs, filters) for inputs, filters in zip((_CHANNELS, *widths[:-1]), _FILTERS, strict=True)
        )
        self.projection = nn.Linear(sum(widths), _SIMILARITY)
        self.by_feature = nn.Linear(_COMPARED, _BRANCH)
        self.by_colour = nn.Linear(_COMPARED, _BRANCH)
        self.hidden = nn.Linear(2 * _BRANCH + _CELLS * widths[-1], _HIDDEN)
        self.head = nn.Linear(_HIDDEN, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Log-odds `(batch, frames)` that a shot ends with a frame.

        Args:
            frames: `(batch, frames, 27, 48, 3)`, whole numbers from 0 to 255 in a floating-point type. The network
                was trained on 100 at a time, and its first and last 25 answers are not to be used.
        """
        x = frames.permute(0, 4, 1, 2, 3) / 255
        means = []
        for stage in self.stages:
            x = stage(x)
            means.append(x.mean((3, 4)))
        by_feature = self.by_feature(_neighbours(self.projection(torch.cat(means, 1).transpose(1, 2))))
        by_colour = self.by_colour(_neighbours(colour_histograms(frames)))
        pictures = x.permute(0, 2, 3, 4, 1).flatten(2)
        joined = torch.cat((nn.functional.relu(by_colour), nn.functional.relu(by_feature), pictures), 2)
        logits: Tensor = self.head(nn.functional.relu(self.hidden(joined)))
        return logits.squeeze(2)


def colour_histograms(frames: Tensor) -> Tensor:
    """How many pixels of each frame have each of 512 colours, `(batch, frames, 512)`, in the type of `frames`.

    A histogram is commonly a scatter, which not every engine has. Here it is a product of two matrices of zeros and
    ones: pixels by their red, and pixels by their green and blue. Zeros and ones are exact in every type.
    """
    batch, count = frames.shape[:2]
    levels = torch.arange(_COLOUR_LEVELS, device=frames.device, dtype=frames.dtype)
    pixels = torch.floor(frames.reshape(batch, count, HEIGHT * WIDTH, _CHANNELS) / (256 // _COLOUR_LEVELS))
    red, green, blue = ((pixels[..., channel, None] == levels).to(frames.dtype) for channel in range(_CHANNELS))
    green_blue = (green[..., :, None] * blue[..., None, :]).flatten(3)
    return (red.transpose(2, 3) @ green_blue).flatten(2)


def _neighbours(vectors: Tensor) -> Tensor:
    """Cosines of each frame with the 50 before it, itself and the 50 after it.

    Args:
        vectors: `(batch, frames, size)`.

    Returns:
        `(batch, frames, 101)`, zero where there is no such frame.
    """
    unit = nn.functional.normalize(vectors, dim=2)
    cosines = nn.functional.pad(unit @ unit.transpose(1, 2), (_NEIGHBOURS, _NEIGHBOURS))
    # Row t is wanted from column t on. In one line of numbers, with a row one longer than it is, that comes of itself.
    count, width = cosines.shape[1], cosines.shape[2]
    line = nn.functional.pad(cosines.flatten(1), (0, count))
    return line.reshape(-1, count, width + 1)[:, :, :_COMPARED]
