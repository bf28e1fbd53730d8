"""The DALI graph: encoded bytes and frame numbers in, clips of uint8 RGB squares out, on the CPU or the GPU.

Imported when the dali decoder is used; importing DALI itself takes about a second and happens inside the functions.
"""

from __future__ import annotations

from typing import Any, Literal

from videobert.base.errors import EngineUnavailable
from videobert.video.decoders.available import INSTALL_DALI
from videobert.video.decoders.dali.geometry import Shape

# Of DALI's video decoder.
Backend = Literal["cpu", "mixed"]


def import_dali() -> Any:
    """The module `nvidia.dali`.

    Raises:
        EngineUnavailable: it is not installed, or does not load.
    """
    try:
        import nvidia.dali as dali
        import nvidia.dali.fn  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: a library of its own does not load
        raise EngineUnavailable("the dali decoder cannot run", seen=str(error), fix=f"Run `{INSTALL_DALI}`.") from error
    return dali


def clip_graph(shape: Shape, *, backend: Backend, clips: int, batch: int, threads: int, device_id: int | None) -> Any:
    """The graph, a DALI `Pipeline` not built yet.

    For each stretch of video in a batch it gives `clips` clips, output i being clip i.

    Inputs, one each for every item of the batch:
    VIDEO uint8 `(bytes,)`; FRAMES int32 `(n,)`, the frames to decode, increasing; ORDER_i int32 `(m,)`, the places in
    FRAMES of the frames of clip i, in order, repeats allowed; FIRST and LAST float32 `(2,)`, the window's corners
    (y, x); SHIFT float32 `(2,)`, only if the shape is shifted; LUMA and CHROMA float32 `(3, 3)`; see `Geometry`.
    Outputs CLIP_i: uint8 `(m, crop, crop, 3)`.

    Args:
        backend: `"cpu"`: VP8, VP9 and Motion JPEG; `"mixed"`: NVDEC, and everything after it on the GPU.
        device_id: number of the GPU; None for `"cpu"`, and for a `"mixed"` graph that is only to be serialised.
    """
    dali = import_dali()
    fn, types = dali.fn, dali.types

    def numbers(name: str, kind: Any, ndim: int) -> Any:
        return fn.external_source(name=name, dtype=kind, ndim=ndim)

    pipeline = dali.Pipeline(
        batch_size=batch,
        num_threads=threads,
        device_id=device_id,
        prefetch_queue_depth=1,
        exec_dynamic=True,
        # DALI holds its outputs to these, and whoever serves the serialised graph can read them.
        output_dtype=[types.UINT8] * clips,
        output_ndim=[4] * clips,
    )
    with pipeline:
        frames = fn.decoders.video(
            numbers("VIDEO", types.UINT8, 1), device=backend, frames=numbers("FRAMES", types.INT32, 1), pad_mode="none"
        )
        first, last = numbers("FIRST", types.FLOAT, 1), numbers("LAST", types.FLOAT, 1)

        def square(first: Any, last: Any) -> Any:
            return fn.resize(
                frames,
                roi_start=first,
                roi_end=last,
                size=[shape.crop, shape.crop],
                dtype=types.FLOAT,
                interp_type=types.INTERP_LINEAR,
                antialias=True,
            )

        plain = coloured = square(first, last)
        if shape.shifted:
            shift = numbers("SHIFT", types.FLOAT, 1)
            coloured = square(first + shift, last + shift)
        rgb = fn.coord_transform(plain, M=numbers("LUMA", types.FLOAT, 2))
        rgb = rgb + fn.coord_transform(coloured, M=numbers("CHROMA", types.FLOAT, 2))
        squares = fn.cast(rgb, dtype=types.UINT8)
        if shape.turn.swap:
            squares = fn.transpose(squares, perm=[0, 2, 1, 3], transpose_layout=False, output_layout="FHWC")
        if shape.turn.flip_x or shape.turn.flip_y:
            squares = fn.flip(squares, horizontal=int(shape.turn.flip_x), vertical=int(shape.turn.flip_y))
        outputs = [
            fn.sequence_rearrange(squares, new_order=numbers(f"ORDER_{clip}", types.INT32, 1), name=f"CLIP_{clip}")
            for clip in range(clips)
        ]
        pipeline.set_outputs(*outputs)
    return pipeline


def serialise(shape: Shape, *, backend: Backend, clips: int = 1, batch: int = 8, threads: int = 4) -> bytes:
    """The graph as DALI stores it (`model.dali` of a DALI back end); needs no GPU, whatever it is to run on."""
    graph = clip_graph(shape, backend=backend, clips=clips, batch=batch, threads=threads, device_id=None)
    return bytes(graph.serialize())
