"""How pixels become a clip: everything that decides which pixels reach the model, named and hashed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import isfinite
from typing import Any, Literal, get_args, get_origin, get_type_hints

from videobert.base.arguments import as_number, as_whole, whole
from videobert.base.errors import ModelError
from videobert.base.rational import rational

RECIPE_VERSIONS = (1, 2)
STRIDES = range(1, 6)
# Of 1/1001 s and of the 90 kHz clock alike.
_MOST_DENOMINATOR = 100_000
_LONGEST_CLIP_S = 86_400
# 1024 frames of 256 x 256: 200 MB.
_MOST_PIXELS = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The versioned description of a clip.

    A clip is `frames` samples of the picture at `fps`, taken on a grid that starts at the first frame's
    presentation time; clips do not overlap. The defaults for time are the paper's (arXiv 1904.01766, section 4.2).

    Args:
        version: 1, or 2 for recipes that may ask for more than what is stored: `fields`, `sample_aspect` and
            `transfer` other than by default. Version 1 has the last two at their defaults and does not name them.
        fps: sampling rate in frames per second of presentation time.
        frames: samples in a clip; 30 at 20 fps = 1.5 s.
        stride: every how many clips one is kept, 1 to 5 (section 3.2 of the paper: speed robustness).
        short_side: the picture is resized, aspect kept, until its shorter side has this many pixels; the longer side
            is rounded to the nearest, halves up.
        crop: side of the centred square that is cut out afterwards, in pixels; offsets are rounded down.
        frame_choice: which frame stands for a sampling time: the one on screen then.
        tail: what fills a last clip that the video does not: its last frame, repeated.
        resize_filter: antialiased bilinear, a triangle as wide as the downscaling factor; beyond the edge of a plane
            its last sample goes on.
        colour: each plane is resized as stored, then converted with the stream's own matrix and range
            (untagged: BT.709 from 720 lines, else BT.601; limited range) to full-range RGB, rounded once.
        chroma_siting: where chroma samples of subsampled formats lie when the codec does not say.
        fields: `"weave"`: interlaced frames are used as stored, both fields woven. `"top"`: of an interlaced frame only
            the top field is used.
        sample_aspect: `"square"`: pixels are taken as square, whatever the stream says. `"apply"`: the size that is
            resized is the one displayed, by the stream's sample aspect ratio.
        transfer: `"as-coded"`: no transfer function is applied, HDR is not tone-mapped. `"tone-map-bt709"`: HLG and PQ
            are mapped to BT.709; what is neither stays as it is.
        rotation: display rotation and mirroring in the container are applied, after resizing and before the crop.
        mean, std: normalisation of pixels scaled to 0…1, per RGB channel; it lives inside the graph.
    """

    version: int = RECIPE_VERSIONS[0]
    fps: Fraction = Fraction(20)
    frames: int = 30
    stride: int = 1
    short_side: int = 112
    crop: int = 112
    frame_choice: Literal["latest-at-or-before"] = "latest-at-or-before"
    tail: Literal["repeat-last"] = "repeat-last"
    resize_filter: Literal["triangle"] = "triangle"
    colour: Literal["planes-then-stream-matrix"] = "planes-then-stream-matrix"
    chroma_siting: Literal["left"] = "left"
    fields: Literal["weave", "top"] = "weave"
    sample_aspect: Literal["square", "apply"] = "square"
    transfer: Literal["as-coded", "tone-map-bt709"] = "as-coded"
    rotation: Literal["apply"] = "apply"
    mean: tuple[float, float, float] = (0.43216, 0.394666, 0.37645)
    std: tuple[float, float, float] = (0.22803, 0.22145, 0.216989)

    def __post_init__(self) -> None:
        for name in ("version", "frames", "stride", "short_side", "crop"):
            count = as_whole(getattr(self, name))
            if count is None:
                raise _wrong(name, getattr(self, name), "a whole number")
            object.__setattr__(self, name, count)
        object.__setattr__(self, "fps", _rate(self.fps))
        for name in ("mean", "std"):
            object.__setattr__(self, name, _three(name, getattr(self, name)))
        self._check()

    def _check(self) -> None:
        if self.version not in RECIPE_VERSIONS:
            raise ModelError(
                "this recipe version is not known",
                seen=self.version,
                allowed=" or ".join(map(str, RECIPE_VERSIONS)),
                fix="Install the videobert release that wrote the model folder, or export it again.",
            )
        if not 0 < self.fps <= 240 or self.fps.denominator > _MOST_DENOMINATOR:
            raise _wrong("fps", self.fps, f"above 0, at most 240, a fraction with at most {_MOST_DENOMINATOR} below")
        if not 1 <= self.frames <= 1024:
            raise _wrong("frames", self.frames, "1 to 1024")
        if self.frames / self.fps > _LONGEST_CLIP_S:
            raise _wrong("frames / fps", self.frames / self.fps, f"clips of at most {_LONGEST_CLIP_S} s")
        if self.stride not in STRIDES:
            raise _wrong("stride", self.stride, "1 to 5")
        if not 1 <= self.crop <= self.short_side <= 4096:
            raise _wrong("crop, short_side", (self.crop, self.short_side), "1 <= crop <= short_side <= 4096")
        if self.frames * self.crop**2 > _MOST_PIXELS:
            raise _wrong("frames, crop", (self.frames, self.crop), f"frames * crop * crop <= {_MOST_PIXELS}")
        if min(self.std) <= 0:
            raise _wrong("std", self.std, "above 0")
        for name, values in _CHOICES.items():
            allowed = values if self.version > 1 else values[:1]
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in allowed:
                more = " (others need version 2)" if len(allowed) < len(values) else ""
                raise _wrong(name, getattr(self, name), " or ".join(map(repr, allowed)) + more)

    @property
    def clip_duration_s(self) -> float:
        """Length of one clip in seconds."""
        return float(self.frames / self.fps)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that name every field; quoted in every output."""
        return _digest(self.to_json())

    @property
    def clip_hash(self) -> str:
        """Like `hash` without `stride`, which picks clips but does not change what is in one."""
        fields = self.to_json()
        del fields["stride"]
        return _digest(fields)

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; `fps` as text, `"20"` or `"30000/1001"`."""
        fields = dataclasses.asdict(self)
        fields["fps"] = str(self.fps)
        fields["mean"] = list(self.mean)
        fields["std"] = list(self.std)
        for name in _SINCE_VERSION_2 if self.version == 1 else ():
            del fields[name]
        return fields

    @classmethod
    def from_json(cls, fields: object) -> Recipe:
        """The recipe that `to_json` wrote.

        Raises:
            ModelError: a field is unknown, missing or out of range.
        """
        names = {f.name for f in dataclasses.fields(cls)}
        if isinstance(fields, dict) and fields.get("version") == 1:
            names -= _SINCE_VERSION_2
        if not isinstance(fields, dict) or set(fields) != names:
            raise ModelError(
                "recipe.json does not have the fields of a recipe",
                seen=sorted(map(str, fields)) if isinstance(fields, dict) else type(fields).__name__,
                allowed=sorted(names),
                fix="Correct it in recipe.json.",
            )
        try:
            return cls(**fields)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise ModelError(
                "recipe.json has a field of the wrong kind",
                seen=str(error),
                fix="Correct it in recipe.json.",
            ) from error


def check_stride(stride: int) -> int:
    """Every how many clips one is kept; a number that no recipe has is refused."""
    return whole("stride", stride, least=STRIDES[0], most=STRIDES[-1], allowed="1 to 5", fix="1 uses every clip.")


_SINCE_VERSION_2 = {"sample_aspect", "transfer"}
# What each choice may be; the first is the default, and all that version 1 has.
_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(kind) for name, kind in get_type_hints(Recipe).items() if get_origin(kind) is Literal
}


def _rate(fps: object) -> Fraction:
    try:
        if isinstance(fps, str):
            return rational(fps)
        if isinstance(fps, Fraction):
            return fps
        exact = as_whole(fps)
        found = as_number(fps) if exact is None else exact
        if found is None:
            raise TypeError("not a number")
        return Fraction(found)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise _wrong("fps", fps, "a number, or a text such as 30000/1001") from error


def _three(name: str, values: Any) -> tuple[float, ...]:
    try:
        found = tuple(as_number(value) for value in islice(iter(values), 4))
    except Exception as error:  # whatever a foreign iterator raises
        raise _wrong(name, values, "three finite numbers") from error
    numbers = tuple(value for value in found if value is not None and isfinite(value))
    if len(found) != 3 or len(numbers) != 3:
        raise _wrong(name, values, "three finite numbers")
    return numbers


def _digest(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wrong(name: str, seen: object, allowed: str) -> ModelError:
    return ModelError(
        f"recipe field {name} is out of range",
        seen=seen,
        allowed=allowed,
        fix="Correct it; a model folder has it in recipe.json.",
    )
