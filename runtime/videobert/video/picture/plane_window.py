"""Which samples of a decoder's planes belong to the part of a picture that its container keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from videobert.video.picture.crop import Crop
from videobert.video.picture.pixel_layout import PixelLayout
from videobert.video.picture.siting import ChromaSiting, offset_of


class Share(NamedTuple):
    """The samples of one component along one axis.

    Args:
        first: the first of them.
        samples: how many there are.
        offset: the recipe's o: from the edge of the picture to the middle of the first sample, counted in samples.
    """

    first: int
    samples: int
    offset: float


def share(cut: int, kept: int, whole: int, shift: int, siting: float) -> Share:
    """The samples of a component subsampled by `2 ** shift` that lie in pixels `cut` to `cut + kept - 1` of `whole`.

    Where the edge falls between two samples that share pixels, the first is the one that lies inside: what is cut off
    is not looked at. A part too small to hold one takes the nearest.
    """
    factor, offset = 1 << shift, offset_of(siting, shift)
    first, beyond = divmod(cut, factor)
    offset -= beyond / factor
    if offset < 0:
        first, offset = first + 1, offset + 1
    last = -(-whole // factor) - 1
    if first > last:
        return Share(last, 1, 0.5)
    return Share(first, min(-(-kept // factor), last + 1 - first), offset)


def top_field(rows: Share) -> Share:
    """Of the rows of a component those of the top field: every other one, from the picture's first on.

    Chroma of interlaced 4:2:0 lies where that of progressive pictures does: only the rows of a field are further apart.
    """
    beyond = rows.first % 2
    if rows.samples == beyond:
        return rows
    return Share(rows.first + beyond, (rows.samples - beyond + 1) // 2, (rows.offset + beyond) / 2)


class PlaneWindow(NamedTuple):
    """Cuts one plane.

    Args:
        bytes_before: of each row, in front of the first sample.
        rows_before, rows_behind: above and below.
    """

    bytes_before: int
    rows_before: int
    rows_behind: int

    def of(self, plane: Any, line_size: int) -> memoryview:
        """The plane's bytes from its first sample on; where rows lie last first, from that of the last row."""
        rows = self.rows_before if line_size > 0 else self.rows_behind
        return memoryview(plane)[rows * abs(line_size) + self.bytes_before :]


class PictureWindow(NamedTuple):
    """The part of a picture that is kept: `across` and `down` of each component, and how to cut each plane."""

    across: tuple[Share, ...]
    down: tuple[Share, ...]
    planes: tuple[PlaneWindow, ...]

    def components(self, layout: PixelLayout) -> list[tuple[int, int, int, int, int, float, float]]:
        """What the native `ClipTransform` is told of each component."""
        return [
            (component.plane, component.first, component.step, x.samples, y.samples, x.offset, y.offset)
            for component, x, y in zip(layout.components, self.across, self.down, strict=True)
        ]


def picture_window(
    width: int, height: int, crop: Crop, layout: PixelLayout, siting: ChromaSiting, *, one_field: bool = False
) -> PictureWindow:
    """Of a picture stored as `width` by `height`; `layout` is one that `cuts_at` this crop.

    With `one_field` its rows are those of the top field: planes are then to be read with twice their line size.
    """
    wide, high = width - crop.left - crop.right, height - crop.top - crop.bottom
    across, down = [], []
    planes: dict[int, PlaneWindow] = {}
    for number, component in enumerate(layout.components):
        x, y = layout.chroma_shift if number else (0, 0)
        across.append(share(crop.left, wide, width, x, siting.x))
        rows_kept = share(crop.top, high, height, y, siting.y)
        down.append(top_field(rows_kept) if one_field else rows_kept)
        step = 2 if one_field else 1
        sample_bytes = 1 if layout.bits == 8 else 2
        rows = -(-height >> y)
        planes[component.plane] = PlaneWindow(
            across[-1].first * component.step * sample_bytes,
            down[-1].first,
            rows - down[-1].first - step * (down[-1].samples - 1) - 1,
        )
    return PictureWindow(tuple(across), tuple(down), tuple(planes[number] for number in range(layout.planes)))


def cuts_at(crop: Crop, layout: PixelLayout) -> bool:
    """Whether planes of that layout can be cut so: not where luma lies among chroma samples that are cut in two."""
    luma, *chroma = layout.components
    packed = any(component.plane == luma.plane for component in chroma)
    return not (packed and crop.left % (1 << layout.chroma_shift[0]))
