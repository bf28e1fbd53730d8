"""What belongs into a hole of a graph template, computed from a model's tensors as the exporter would.

The exporter looks at some values: it drops the bias of a convolution if it is zero everywhere, stores weights of two or
more axes in half precision where that loses nothing, and lets small tensors that are equal share one place. Tensors
for which it would write another file than the template's are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.errors import MismatchError

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]

# The exporter lets equal tensors of at most this many elements share one place.
SHARED_ELEMENTS = 8
_FIX = "Write the graphs with `videobert build` where torch is installed."
_LITTLE_ENDIAN: dict[str, np.dtype[Any]] = {"float16": np.dtype("<f2"), "float32": np.dtype("<f4")}
DTYPES = tuple(_LITTLE_ENDIAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A tensor of the model.

    Args:
        tensor: its name in `model.safetensors`.
        shape: its shape there.
        rows: first and last + 1 of its rows that are used; None for all.
        axes: its axes in the order in which they are stored, after `rows`; None if as they are.
    """

    tensor: str
    shape: tuple[int, ...]
    rows: tuple[int, int] | None = None
    axes: tuple[int, ...] | None = None

    def value(self, tensors: Tensors) -> Array:
        """The values in the order in which they are stored."""
        array = _tensor(tensors, self.tensor, self.shape)
        if self.rows is not None:
            array = array[slice(*self.rows)]
        return array if self.axes is None else array.transpose(self.axes)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormFactor:
    """BatchNorm's factor or addend for each channel, which graphs in low precision have in its place.

    Args:
        part: `"scale"`, the gain divided by the root of the variance, or `"shift"`, what is added after it.
        gain, bias, mean, variance: names of its tensors in `model.safetensors`.
        channels: length of each of them.
        epsilon: added to the variance.
    """

    part: Literal["scale", "shift"]
    gain: str
    bias: str
    mean: str
    variance: str
    channels: int
    epsilon: float

    def value(self, tensors: Tensors) -> npt.NDArray[np.float32]:
        """Computed in float64, as `videobert_modeling.export.low_precision.folding` does."""
        gain, bias, mean, variance = (
            _tensor(tensors, name, (self.channels,)).astype(np.float64)
            for name in (self.gain, self.bias, self.mean, self.variance)
        )
        if not (variance + self.epsilon > 0).all():
            raise _unfit(self.variance, "a variance is not positive", seen=float(variance.min()))
        scale = gain / np.sqrt(variance + self.epsilon)
        with np.errstate(over="ignore"):  # told by the hole
            return (scale if self.part == "scale" else bias - mean * scale).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """A stretch of a graph file that depends on the weights.

    Args:
        offset: of its first byte in the finished file.
        dtype: `"float16"` or `"float32"`.
        shape: of the tensor that the graph has there.
        source: what belongs into it.
        zero_is_dropped: whether the exporter would leave it out if it were zero everywhere.
        constants: bytes of float32 tensors that the graph has elsewhere and would share this place with.
    """

    offset: int
    dtype: str
    shape: tuple[int, ...]
    source: Weight | NormFactor
    zero_is_dropped: bool = False
    constants: tuple[bytes, ...] = ()

    @property
    def elements(self) -> int:
        """Numbers that it holds."""
        return int(np.prod(self.shape, dtype=object))

    @property
    def size_bytes(self) -> int:
        """Bytes that it holds."""
        return self.elements * _LITTLE_ENDIAN[self.dtype].itemsize

    @property
    def tensor(self) -> str:
        """The tensor to name where something is wrong."""
        return self.source.tensor if isinstance(self.source, Weight) else self.source.gain

    def content(self, tensors: Tensors) -> bytes:
        """The bytes that belong here.

        Raises:
            MismatchError: a tensor is missing or has another shape, holds NaN or Inf, or values for which the exporter
                would write another file.
        """
        value = self.source.value(tensors)
        stored = self._stored(value)
        if not np.isfinite(stored).all():
            raise _unfit(self.tensor, f"it holds values that are not finite in {self.dtype}")
        if self.zero_is_dropped and not stored.any():
            raise _unfit(self.tensor, "it is zero everywhere", allowed="a bias that does something")
        content = np.ascontiguousarray(stored).tobytes()
        if self.shared_key(content) in {(self.shape, constant) for constant in self.constants}:
            raise _unfit(self.tensor, "it is equal to a constant of the graph, and they would share one place")
        return content

    def shared_key(self, content: bytes) -> tuple[tuple[int, ...], bytes] | None:
        """What a small tensor must not have in common with another one; None if it is large."""
        if self.elements > SHARED_ELEMENTS:
            return None
        return self.shape, np.frombuffer(content, _LITTLE_ENDIAN[self.dtype]).astype("<f4").tobytes()

    def _stored(self, value: Array) -> Array:
        kind = _LITTLE_ENDIAN[self.dtype]
        if isinstance(self.source, NormFactor) or len(self.shape) < 2:
            with np.errstate(over="ignore"):
                return value.astype(kind, copy=False)
        half = value.dtype == np.float16
        with np.errstate(over="ignore"):
            stored = value.astype("<f2", copy=False)
        fits = half or np.array_equal(stored.astype(np.float32), value)
        if fits and self.dtype == "float32":
            raise _unfit(self.tensor, "all its values fit float16, and it would be stored so")
        if not fits and self.dtype == "float16":
            raise _unfit(self.tensor, "not all its values are finite and fit float16", allowed="float16 values")
        return stored if fits else value.astype(kind, copy=False)


def _tensor(tensors: Tensors, name: str, shape: tuple[int, ...]) -> Array:
    array = tensors.get(name)
    if array is None:
        raise _unfit(name, "it is missing")
    if array.dtype not in (np.float16, np.float32) or array.shape != shape:
        kinds = " or ".join(DTYPES)
        raise _unfit(name, "it has another type or shape", f"{array.dtype} {array.shape}", f"{kinds} {shape}")
    return array


def _unfit(tensor: str, what: str, seen: object = None, allowed: object = None) -> MismatchError:
    return MismatchError(
        f"the tensor {tensor} does not fit the template of the graph: {what}", seen=seen, allowed=allowed, fix=_FIX
    )
