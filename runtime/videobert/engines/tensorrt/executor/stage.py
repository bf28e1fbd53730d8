"""One stage: a deserialised engine with a context for each bucket of shapes, and buffers that never move.

Everything is made in `prepare`. A request then copies in, launches, copies out and waits once; it allocates nothing on
the device or in pinned memory, and a captured graph stays valid because no address changes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import DeviceError, InputError, ModelError, VideoBertError
from videobert.base.spans import span
from videobert.cuda.device_array import DeviceView, matches
from videobert.cuda.driver import DeviceBuffer, Graph
from videobert.engines.tensorrt.executor.buckets import Bucket, buckets_of
from videobert.engines.tensorrt.executor.contexts import make_contexts
from videobert.engines.tensorrt.executor.runtime_cache import RuntimeCache
from videobert.engines.tensorrt.executor.session import Session
from videobert.engines.tensorrt.executor.tensors import Shape, tensors_of
from videobert.model.stage import StageSpec

Array = npt.NDArray[Any]
Given = Mapping[str, Array | DeviceView]


class StageExecutor:
    """See above. Not safe to use from several threads at once; the engine takes turns.

    Args:
        session: what the stages share.
        spec: the stage's signature.
        plan: as `load_plan` returned it.
        cache: where compiled kernels are kept, on TensorRT-RTX.
        most_rows: the most rows to prepare for; None leaves it to the plan.
        fixed: inputs whose content is the same for every request, such as centroids; by name.

    Raises:
        ModelError: the library refuses the plan.
        DeviceError: the device or its driver failed.
    """

    def __init__(
        self,
        session: Session,
        spec: StageSpec,
        plan: bytes,
        *,
        cache: RuntimeCache | None = None,
        most_rows: int | None = None,
        fixed: Mapping[str, Array] | None = None,
    ) -> None:
        self.stage = spec.name
        self._spec, self._session, self._cache = spec, session, cache
        # Unused rows are zeros, but have one place that is real, so that their attention is over something.
        self._fixed, self._padding = dict(fixed or {}), dict.fromkeys(spec.length_inputs, 1)
        self._engine: Any = session.deserialise(plan, spec.name)
        with self._library():
            self.tensors = tensors_of(session.trt, self._engine)
            self.buckets = buckets_of(self._engine, self.tensors, most_rows)
            self.scratch_bytes = int(self._engine.device_memory_size_v2)
        self._inputs = {each.name: each for each in self.tensors if each.is_input}
        self._outputs = {each.name: each for each in self.tensors if not each.is_input}
        told = {tensor.name for tensor in spec.outputs}
        if self._outputs.keys() != told:
            raise ModelError(
                f"the engine of {spec.name} does not fit config.json",
                seen=f"outputs {', '.join(sorted(self._outputs))}",
                allowed=", ".join(sorted(told)),
                fix="Build the engine again with `videobert build`.",
            )
        self._buffers: dict[str, DeviceBuffer] = {}
        self._staging: dict[str, Array] = {}
        self._prepared: list[_Prepared] = []

    def prepare(self, scratch: DeviceBuffer) -> None:
        """Make contexts, buffers and graphs, and run each bucket once.

        Args:
            scratch: at least `scratch_bytes`, for nobody else's work at the same time.

        Raises:
            DeviceError: out of memory, or the device failed; what was made is given back.
            ModelError: the engine refuses a shape of its own profiles.
        """
        try:
            with self._library():
                self._prepare(scratch)
            if self._cache is not None:
                self._cache.save()
        except BaseException:
            self._free()
            raise

    def run(self, inputs: Given) -> dict[str, Array]:
        """Run a request: its outputs by name, without what was padded.

        Args:
            inputs: all but the fixed ones; more rows than a bucket holds are done in turns. An array on the device has
                one bucket's shape, and its leading 1 may be missing.

        Raises:
            InputError: a name, type or shape does not fit.
            DeviceError: the device or its driver failed.
        """
        self._check(inputs)
        first = next(iter(inputs.values()))
        if isinstance(first, DeviceView):
            return self._run(inputs)
        rows, most = len(first), max(bucket.rows for bucket in self.buckets)
        if 0 < rows <= most:
            return self._run(inputs)
        if rows == 0:
            return {name: np.empty((0, *_known(each.shape[1:])), each.dtype) for name, each in self._outputs.items()}
        parts = [
            self._run({name: array[start : start + most] for name, array in inputs.items()})  # type: ignore[index]
            for start in range(0, rows, most)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def close(self) -> None:
        """Give everything back: graphs, contexts, buffers, then the engine."""
        self._free()
        with self._library():
            self._engine = None

    def _prepare(self, scratch: DeviceBuffer) -> None:
        contexts = make_contexts(self._session, self._engine, self.stage, self.buckets, scratch, self._cache)
        shapes = [
            {each.name: tuple(context.get_tensor_shape(each.name)) for each in self.tensors} for context in contexts
        ]
        for each in self.tensors:
            largest = max(prod(found[each.name]) for found in shapes)
            if any(size < 0 for found in shapes for size in found[each.name]):
                raise ModelError(f"the engine does not know the shape of {each.name}", fix="Build the engine again.")
            self._buffers[each.name] = self._session.driver.allocate(largest * each.dtype.itemsize)
            if each.name not in self._fixed:
                self._staging[each.name] = self._session.driver.pinned((largest,), each.dtype)
                self._staging[each.name].fill(self._padding.get(each.name, 0))
        for name, content in self._fixed.items():
            self._session.driver.upload(self._buffers[name], content, self._session.stream)
        self._session.stream.synchronize()
        for bucket, context, found in zip(self.buckets, contexts, shapes, strict=True):
            prepared = _Prepared(bucket, context, {name: self._view(name, found[name]) for name in self._staging})
            self._prepared.append(prepared)
            self._warm(prepared)

    def _warm(self, prepared: _Prepared) -> None:
        context, session = prepared.context, self._session
        for name, buffer in self._buffers.items():
            if not context.set_tensor_address(name, buffer.address):
                raise ModelError(f"the engine of {self.stage} refuses the memory of {name}", seen=hex(buffer.address))
        for name in self._inputs.keys() - self._fixed.keys():
            session.driver.upload(self._buffers[name], prepared.views[name], session.stream)
        self._execute(context)
        session.stream.synchronize()
        # TensorRT-RTX captures on its own.
        if not session.rtx and session.driver.captures:
            prepared.graph = session.driver.capture(lambda: self._execute(context), session.stream)

    def _run(self, inputs: Given) -> dict[str, Array]:
        if not self._prepared:
            raise DeviceError(f"the engine of {self.stage} was not prepared, or is closed")
        session = self._session
        prepared = self._choose(inputs)
        try:
            with self._library():
                # To pinned memory by the host; what the device copies after it is a part of the stage.
                with span("copy"):
                    for name, value in inputs.items():
                        if isinstance(value, DeviceView):
                            session.driver.copy(self._buffers[name], value.address, value.size_bytes, session.stream)
                        else:
                            self._stage_in(prepared, name, value)
                            session.driver.upload(self._buffers[name], prepared.views[name], session.stream)
                if prepared.graph is not None:
                    prepared.graph.launch(session.stream)
                else:
                    self._execute(prepared.context)
                for name in self._outputs:
                    session.driver.download(prepared.views[name], self._buffers[name], session.stream)
        except BaseException:
            # Copies that are under way still read and write the staging memory of the next request.
            with contextlib.suppress(VideoBertError):
                session.stream.synchronize()
            raise
        session.stream.synchronize()
        with span("copy"):
            return {name: self._taken(prepared, name, inputs) for name in self._outputs}

    def _execute(self, context: Any) -> None:
        if not context.execute_async_v3(self._session.stream.handle):
            raise DeviceError(
                f"the engine of {self.stage} could not be run",
                seen="the reason is in the library's log above",
                fix="See `nvidia-smi`; load the model again.",
            )

    def _choose(self, inputs: Given) -> _Prepared:
        wanted = {
            name: self._prepared[0].bucket.shapes[name] if isinstance(value, DeviceView) else value.shape
            for name, value in inputs.items()
        }
        for prepared in self._prepared:
            if prepared.bucket.holds(wanted):
                if all(
                    matches(value, prepared.bucket.shapes[name], self._inputs[name].dtype)
                    for name, value in inputs.items()
                    if isinstance(value, DeviceView)
                ):
                    return prepared
                break
        raise InputError(
            f"no shape that the {self.stage} was built for holds this input",
            seen=", ".join(f"{name} {value.shape}" for name, value in inputs.items()),
            allowed=", ".join(f"{name} up to {shape}" for name, shape in self.buckets[-1].shapes.items()),
            fix="Shorten the input, or build the engine for another model size.",
        )

    def _stage_in(self, prepared: _Prepared, name: str, value: Array) -> None:
        view = prepared.views[name]
        if value.shape != view.shape:
            view.fill(self._padding.get(name, 0))
        view[tuple(slice(size) for size in value.shape)] = value

    def _taken(self, prepared: _Prepared, name: str, inputs: Given) -> Array:
        """A copy of the part of an output that was asked for: the next request overwrites the rest."""
        view = prepared.views[name]
        lengths = {axis.name: prepared.bucket.rows for axis in self._spec.free_axes if axis.name == self._spec.batch}
        for tensor in self._spec.inputs:
            value = inputs.get(tensor.name)
            if value is not None and not isinstance(value, DeviceView):
                lengths |= {
                    axis.name: size for axis, size in zip(tensor.axes, value.shape, strict=True) if axis.is_free
                }
        (axes,) = (tensor.axes for tensor in self._spec.outputs if tensor.name == name)
        return np.array(view[tuple(slice(axis.length_with(lengths)) for axis in axes)])

    def _view(self, name: str, shape: Shape) -> Array:
        return self._staging[name][: prod(shape)].reshape(shape)

    def _check(self, inputs: Given) -> None:
        wanted = self._inputs.keys() - self._fixed.keys()
        if inputs.keys() != wanted:
            raise InputError(f"the {self.stage} takes other inputs", seen=sorted(inputs), allowed=sorted(wanted))
        if len({len(value) for value in inputs.values() if not isinstance(value, DeviceView)}) > 1:
            raise InputError(
                "the inputs have different numbers of rows",
                seen=", ".join(f"{name} {value.shape}" for name, value in inputs.items()),
            )
        for name, value in inputs.items():
            if value.dtype != self._inputs[name].dtype:
                raise InputError(
                    f"the input {name} has the wrong type", seen=value.dtype, allowed=self._inputs[name].dtype
                )

    def _free(self) -> None:
        for prepared in self._prepared:
            if prepared.graph is not None:
                with contextlib.suppress(DeviceError):
                    prepared.graph.free()
            prepared.graph = prepared.context = None
        self._prepared.clear()
        self._staging.clear()
        while self._buffers:
            with contextlib.suppress(DeviceError):
                self._buffers.popitem()[1].free()

    @contextmanager
    def _library(self) -> Iterator[None]:
        """The context current for the library's calls, and its own exceptions as ours."""
        with self._session.driver.current():
            try:
                yield
            except (RuntimeError, TypeError, ValueError, MemoryError) as error:
                raise DeviceError(
                    f"{self._session.flavour.module} failed in the {self.stage}", seen=str(error), fix="See its log."
                ) from error


class _Prepared:
    """A bucket that is ready: its context, its parts of the staging memory, and its graph if one was captured."""

    def __init__(self, bucket: Bucket, context: Any, views: dict[str, Array]) -> None:
        self.bucket, self.context, self.views = bucket, context, views
        self.graph: Graph | None = None


def _known(shape: Shape) -> Shape:
    return tuple(max(0, size) for size in shape)
