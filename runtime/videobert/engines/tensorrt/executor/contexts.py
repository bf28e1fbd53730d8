"""The execution contexts of an engine: one for each bucket, as a graph belongs to the context it was captured from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.errors import DeviceError, ModelError
from videobert.cuda.driver import DeviceBuffer
from videobert.engines.tensorrt.executor.buckets import Bucket
from videobert.engines.tensorrt.executor.runtime_cache import RuntimeCache
from videobert.engines.tensorrt.executor.session import Session


def make_contexts(
    session: Session,
    engine: Any,
    stage: str,
    buckets: Sequence[Bucket],
    scratch: DeviceBuffer,
    cache: RuntimeCache | None,
) -> list[Any]:
    """A context for each bucket, with its profile, its shapes and the scratch memory set.

    Args:
        engine: as `Session.deserialise` returned it.
        stage: its name, for messages.
        scratch: for all of them: they run one after another.
        cache: where compiled kernels are kept, on TensorRT-RTX.

    Raises:
        DeviceError: the engine gives no context.
        ModelError: the engine refuses a shape of its own profiles.
    """
    runtime_config = _runtime_config(session, engine, cache)
    return [_context(session, engine, runtime_config, stage, bucket, scratch) for bucket in buckets]


def _runtime_config(session: Session, engine: Any, cache: RuntimeCache | None) -> Any:
    trt = session.trt
    runtime_config = engine.create_runtime_config()
    runtime_config.set_execution_context_allocation_strategy(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    if session.rtx:
        if cache is not None:
            cache.attach(runtime_config)
        runtime_config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        # Compiled while the engine is prepared, not in the background of the first requests.
        eager = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        runtime_config.dynamic_shapes_kernel_specialization_strategy = eager
    return runtime_config


def _context(
    session: Session, engine: Any, runtime_config: Any, stage: str, bucket: Bucket, scratch: DeviceBuffer
) -> Any:
    context = engine.create_execution_context(runtime_config)
    if context is None:
        raise DeviceError(f"the engine of {stage} gave no context", fix="Free memory on the GPU.")
    context.set_device_memory(scratch.address, scratch.size_bytes)
    if bucket.profile and not context.set_optimization_profile_async(bucket.profile, session.stream.handle):
        raise ModelError(f"the engine of {stage} has no such profile", seen=bucket.profile)
    session.stream.synchronize()
    for name, shape in bucket.shapes.items():
        if not context.set_input_shape(name, shape):
            raise ModelError(
                f"the engine of {stage} refuses a shape of its own profile",
                seen=f"{name} {shape}",
                fix="Build the engine again with `videobert build`.",
            )
    missing = context.infer_shapes()
    if missing:
        raise ModelError(f"the engine of {stage} lacks shapes", seen=", ".join(missing))
    return context
