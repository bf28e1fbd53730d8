"""The holes of a graph template as JSON.

Each is an object with `offset`, `dtype` and `shape`, and either `tensor`, where wanted with `tensor_shape`, `rows` and
`axes`, or `norm` with `gain`, `bias`, `mean`, `variance`, `channels` and `epsilon`; see `template_hole`.
`zero_is_dropped` and `constants` (hexadecimal) stand where they say something.
"""

from __future__ import annotations

from typing import Any

from videobert.get.template_hole import DTYPES, SHARED_ELEMENTS, Hole, NormFactor, Weight

_MOST = 1 << 31
_MOST_AXES = 8
_NORM_TENSORS = ("gain", "bias", "mean", "variance")


def hole_to_json(hole: Hole) -> dict[str, Any]:
    """What `hole_from_json` reads; what has its default is left out."""
    fields: dict[str, Any] = {"offset": hole.offset, "dtype": hole.dtype, "shape": list(hole.shape)}
    source = hole.source
    if isinstance(source, Weight):
        fields["tensor"] = source.tensor
        if source.shape != hole.shape:
            fields["tensor_shape"] = list(source.shape)
        for name in ("rows", "axes"):
            if (value := getattr(source, name)) is not None:
                fields[name] = list(value)
    else:
        fields["norm"] = source.part
        fields |= {name: getattr(source, name) for name in (*_NORM_TENSORS, "channels", "epsilon")}
    if hole.zero_is_dropped:
        fields["zero_is_dropped"] = True
    if hole.constants:
        fields["constants"] = [constant.hex() for constant in hole.constants]
    return fields


def hole_from_json(fields: object) -> Hole:
    """A hole as a template has it.

    Raises:
        ValueError: something is missing, unknown, of another type or impossible.
    """
    if not isinstance(fields, dict):
        raise ValueError("a hole that is no object")
    left = dict(fields)
    offset = _whole(left.pop("offset", None))
    dtype = left.pop("dtype", None)
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r}")
    shape = _wholes(left.pop("shape", None))
    dropped = left.pop("zero_is_dropped", False)
    if not isinstance(dropped, bool):
        raise ValueError(f"zero_is_dropped {dropped!r}")
    source = _norm(left) if "norm" in left else _weight(left, shape)
    constants = left.pop("constants", [])
    if not isinstance(constants, list) or not all(isinstance(each, str) for each in constants):
        raise ValueError("constants that are no texts")
    hole = Hole(
        offset=offset,
        dtype=dtype,
        shape=shape,
        source=source,
        zero_is_dropped=dropped,
        constants=tuple(bytes.fromhex(each) for each in constants),
    )
    if left or (hole.constants and hole.elements > SHARED_ELEMENTS):
        raise ValueError(f"unknown fields {sorted(left)} or constants beside a large tensor")
    if hole.elements != _elements(source):
        raise ValueError(f"shape {list(shape)} of a hole that takes {_elements(source)} numbers")
    return hole


def _weight(left: dict[str, Any], shape: tuple[int, ...]) -> Weight:
    tensor = _text(left.pop("tensor", None))
    own = _wholes(left.pop("tensor_shape", list(shape)))
    rows = _wholes(left.pop("rows")) if "rows" in left else None
    axes = _wholes(left.pop("axes")) if "axes" in left else None
    if axes is not None and sorted(axes) != list(range(len(own))):
        raise ValueError(f"axes {list(axes)} of {len(own)}")
    if rows is None:
        return Weight(tensor=tensor, shape=own, axes=axes)
    if len(rows) != 2 or not own or not rows[0] < rows[1] <= own[0]:
        raise ValueError(f"rows {list(rows)} of shape {list(own)}")
    return Weight(tensor=tensor, shape=own, rows=(rows[0], rows[1]), axes=axes)


def _norm(left: dict[str, Any]) -> NormFactor:
    part, epsilon = left.pop("norm"), left.pop("epsilon", None)
    if part not in ("scale", "shift") or not isinstance(epsilon, float) or not 0 <= epsilon < 1:
        raise ValueError(f"norm {part!r} with epsilon {epsilon!r}")
    gain, bias, mean, variance = (_text(left.pop(name, None)) for name in _NORM_TENSORS)
    channels = _whole(left.pop("channels", None))
    return NormFactor(part=part, gain=gain, bias=bias, mean=mean, variance=variance, channels=channels, epsilon=epsilon)


def _elements(source: Weight | NormFactor) -> int:
    if isinstance(source, NormFactor):
        return source.channels
    lengths = list(source.shape)
    if source.rows is not None:
        lengths[0] = source.rows[1] - source.rows[0]
    count = 1
    for length in lengths:
        count *= length
    return count


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} instead of a tensor's name")
    return value


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError(f"{value!r} instead of a number of bytes or elements")
    return value


def _wholes(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > _MOST_AXES:
        raise ValueError(f"{value!r} instead of a shape")
    return tuple(_whole(each) for each in value)
