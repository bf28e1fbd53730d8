"""Arrays that a caller gave, by the inputs of stages that they are for.

An input is called `STAGE.NAME`, or `NAME` for every stage that has one of that name. In place of lengths a mask may
come: `STAGE.mask`, `mask`, `text_mask`. Some inputs have other names besides, see `ALSO_CALLED`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.check.fit import fit
from videobert.model.masks import axis_of, is_lengths, lengths_from_mask, mask_name
from videobert.model.stage import StageSpec, TensorSpec
from videobert.model.stage_links import ALSO_CALLED, VECTORS
from videobert.model.stage_lists import BACKBONE

Array = npt.NDArray[Any]
PIXELS = "pixels"


class Given:
    """The arrays of one check.

    Args:
        arrays: by name.
        specs: the stages of the model; those that only engines on a GPU have take nothing here.

    Attributes:
        notes: what a reader should know of the names.

    Raises:
        InputError: a name that no stage has, or two arrays for one input.
    """

    def __init__(self, arrays: Mapping[str, Array], specs: Iterable[StageSpec]) -> None:
        self._arrays = dict(arrays)
        self._specs = tuple(spec for spec in specs if not spec.gpu_only)
        self.notes: list[str] = []
        takes = dict.fromkeys(
            name for spec in self._specs for tensor in spec.inputs for name in self._names(spec, tensor)
        ) | dict.fromkeys((PIXELS, f"{BACKBONE}.{PIXELS}"))
        outputs = {f"{spec.name}.{tensor.name}" for spec in self._specs for tensor in spec.outputs}
        outputs |= {f"{spec.name}.{VECTORS}" for spec in self._specs}
        # A file that an earlier check wrote holds what came out besides, of a second engine as `ENGINE/STAGE.NAME`.
        told = sorted(name for name in self._arrays if name not in takes and name.rpartition("/")[2] in outputs)
        unknown = sorted(self._arrays.keys() - takes.keys() - set(told))
        if unknown:
            raise _unknown(unknown, list(takes))
        if told:
            self.notes.append(f"not read, since it is what stages give: {', '.join(told)}")
        for name in sorted(self._arrays.keys() & takes.keys()):
            stages = [spec.name for spec in self._specs for tensor in spec.inputs if self._reads(spec, tensor, name)]
            if not stages and not name.endswith(PIXELS):
                self.notes.append(f"{name} is not read: other names say the same of a stage of their own")
            if len(stages) > 1:
                self.notes.append(f"{name} goes into {', '.join(dict.fromkeys(stages))}")

    def has(self, spec: StageSpec, tensor: TensorSpec) -> bool:
        """Whether an array was given for an input, or one in its place."""
        pixels = spec.name == BACKBONE and self.pixels is not None
        return pixels or any(name in self._arrays for name in self._names(spec, tensor))

    def of(self, spec: StageSpec, tensor: TensorSpec, notes: list[str]) -> Array | None:
        """The array for an input, as the stage takes it; None if none was given.

        Args:
            notes: what was done to it is told here.

        Raises:
            InputError, LimitExceeded: it does not fit.
        """
        names = [name for name in self._names(spec, tensor) if name in self._arrays]
        if not names:
            return None
        if is_lengths(tensor):
            return self._lengths(spec, tensor, notes)
        return fit(_called(names[0], spec), self._arrays[names[0]], tensor, notes)

    def check_places(self, spec: StageSpec, inputs: Mapping[str, Array]) -> None:
        """Refuse masks that have more places, or fewer, than what they are for.

        Args:
            inputs: of the stage, by name.

        Raises:
            InputError: one has.
        """
        axes = {
            axis.name: size
            for tensor in spec.inputs
            for axis, size in zip(tensor.axes, inputs[tensor.name].shape, strict=False)
        }
        for tensor in filter(is_lengths, spec.inputs):
            for name in self._names(spec, tensor):
                if not name.endswith("mask") or name not in self._arrays or not self._reads(spec, tensor, name):
                    continue
                seen, places = self._arrays[name].shape[1], axes[axis_of(spec, tensor).name]
                if seen != places:
                    raise InputError(
                        f"{_called(name, spec)} has another number of places than what it is for",
                        seen=seen,
                        allowed=places,
                        fix="Correct the array.",
                    )

    @property
    def pixels(self) -> Array | None:
        """Clips as a backbone sees them, already normalised, in place of the bytes of clips; None if none were given.

        Raises:
            InputError: clips were given too.
        """
        names = [name for name in (f"{BACKBONE}.{PIXELS}", PIXELS) if name in self._arrays]
        if not names:
            return None
        clips = next(tensor for spec in self._specs if spec.name == BACKBONE for tensor in spec.inputs)
        both = [name for name in (f"{BACKBONE}.{clips.name}", clips.name) if name in self._arrays]
        if both:
            raise InputError(
                f"the {BACKBONE} was given twice", seen=f"{names[0]} and {both[0]}", fix="Give one of the two."
            )
        return self._arrays[names[0]]

    @staticmethod
    def _levels(spec: StageSpec, tensor: TensorSpec) -> list[list[str]]:
        """What an input may be called, what wins first; names of one level say the same thing."""
        shared = ALSO_CALLED.get((spec.name, tensor.name), ())
        # What names one stream says more than what might be meant for both.
        if is_lengths(tensor):
            named = [name for each in shared for name in _with_mask(replace(tensor, name=each))]
            levels = [level for level in (named, _with_mask(tensor)) if level]
        else:
            levels = [[name] for name in (*shared, tensor.name)]
        return [*([f"{spec.name}.{name}" for name in level] for level in levels), *levels]

    def _names(self, spec: StageSpec, tensor: TensorSpec) -> list[str]:
        return [name for level in self._levels(spec, tensor) for name in level]

    def _reads(self, spec: StageSpec, tensor: TensorSpec, name: str) -> bool:
        """Whether an input reads the array of this name, and none that wins over it."""
        levels = self._levels(spec, tensor)
        given = next((level for level in levels if any(each in self._arrays for each in level)), [])
        return name in given

    def _lengths(self, spec: StageSpec, tensor: TensorSpec, notes: list[str]) -> Array:
        """Lengths from the first level that has any: from lengths, from a mask, or from both, which then agree."""
        found: dict[str, Array] = {}
        for name in self._names(spec, tensor):
            if name not in self._arrays or not self._reads(spec, tensor, name):
                continue
            if name.endswith("mask"):
                found[name] = lengths_from_mask(_called(name, spec), self._arrays[name], axis_of(spec, tensor))
            else:
                found[name] = fit(_called(name, spec), self._arrays[name], tensor, notes)
        first, *others = found
        for other in others:
            if not np.array_equal(found[first], found[other]):
                raise InputError(f"{first} and {other} say different things", fix="Give one of the two.")
        return found[first]


def _with_mask(tensor: TensorSpec) -> list[str]:
    return [tensor.name, mask_name(tensor)] if is_lengths(tensor) else [tensor.name]


def _called(name: str, spec: StageSpec) -> str:
    """A name in messages: one that several stages may take says whose it does not fit."""
    return name if "." in name else f"{name} of the {spec.name}"


def _unknown(names: list[str], known: list[str]) -> InputError:
    near = [name for unknown in names for name in difflib.get_close_matches(unknown, known, n=2)]
    return InputError(
        "no stage of this model takes this",
        seen=", ".join(names),
        # Those without a stage are fewer, and enough for most.
        allowed=", ".join(sorted(known, key=lambda name: "." in name)),
        fix=f"Did you mean {' or '.join(dict.fromkeys(near))}?" if near else "Use those names.",
    )
