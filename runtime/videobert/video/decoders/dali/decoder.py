"""Clips of an encoded video through DALI: NVDEC on a GPU, or DALI's own decoders on the CPU.

The frames are chosen before any is decoded, by the same code that chooses among PyAV's, from the index of the
container's packets; DALI is then asked for the chosen ones of some clips at a time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any, cast

from av.container import InputContainer
from av.video.stream import VideoStream

from videobert.base.errors import DecodeError, InputError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders.available import Device
from videobert.video.decoders.dali.accepted_streams import backend_of
from videobert.video.decoders.dali.frame_index import InexactIndex, SectionFrame, index_frames
from videobert.video.decoders.dali.geometry import Shape, chroma_shift, geometry
from videobert.video.decoders.dali.graph import Backend
from videobert.video.decoders.dali.piece import cut_piece
from videobert.video.decoders.dali.runner import ClipRequest, DaliRunner
from videobert.video.decoders.decoder import GaveUp, TimedFrame
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.info import VideoInfo
from videobert.video.picture.orientation import Orientation
from videobert.video.picture.siting import ChromaSiting
from videobert.video.timestamps import LOOK_AHEAD

if TYPE_CHECKING:
    from videobert.video.clip import Clip

# Clips that are decoded at once: each run begins at a key frame, and what lies between it and the first clip is decoded
# for nothing.
CLIPS_PER_RUN = 8
# DALI holds all frames of a run in full size.
MOST_FRAME_BYTES = 512 << 20
MOST_PIECE_BYTES = 64 << 20


class DaliDecoder:
    """Reads one stream of an opened container; owns the container.

    Args:
        container: as `VideoOpener` opens it.
        stream: its video stream, one that `accepted_streams.refusal` has nothing against.
        info: what PyAV found in the first frame.
        turn, siting: the first frame's display orientation, and where its chroma lies.
        nominal_s, sample_aspect: see `Decoder`.
        recipe: how pictures are transformed.
        limits: `max_side_px` holds for resized pictures.
        backend: see `clip_graph`.
        cancel: set it from anywhere to stop.
        threads: most threads that decode at a time; None for as many as pay.

    Raises:
        EngineUnavailable: DALI is not installed.
        LimitExceeded: the resized picture would be too large.
    """

    tolerance: Fraction = Fraction(0)
    look_ahead: int = LOOK_AHEAD

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        *,
        info: VideoInfo,
        turn: Orientation,
        siting: ChromaSiting,
        nominal_s: Fraction | None,
        sample_aspect: Fraction,
        recipe: Recipe,
        limits: Limits,
        backend: Backend,
        device_id: int = 0,
        cancel: Event | None = None,
        threads: int | None = None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._cancel = cancel
        self.nominal_s, self.sample_aspect = nominal_s, sample_aspect
        self._info = replace(info, decoder="dali", frames_decoded=0)
        self._frame_bytes = info.width * info.height * 3
        shift = chroma_shift(info.pixel_format, siting)
        self._geometry = geometry(info.width, info.height, info.matrix, shift, turn, recipe, limits.max_side_px)
        shape = Shape(recipe.crop, any(shift), turn)
        self._runner = DaliRunner(shape, backend=backend, clips=CLIPS_PER_RUN, device_id=device_id, threads=threads)
        self._indexed = self._converted = 0
        self._rendering = False

    @classmethod
    def of_stream(
        cls,
        container: InputContainer,
        first: PyAvDecoder,
        recipe: Recipe,
        limits: Limits,
        device: Device,
        *,
        cancel: Event | None = None,
        threads: int | None = None,
    ) -> DaliDecoder:
        """DALI for the stream that another decoder has read the first frame of, from a container opened anew.

        Raises:
            InputError: it is no longer that stream.
        """
        stream = container.streams[first.stream_index]
        if not isinstance(stream, VideoStream):
            raise InputError("the file was changed while it was opened")
        return cls(
            container,
            stream,
            info=first.info,
            turn=first.orientation,
            siting=first.siting(),
            nominal_s=first.nominal_s,
            sample_aspect=first.sample_aspect,
            recipe=recipe,
            limits=limits,
            backend=backend_of(device),
            cancel=cancel,
            threads=threads,
        )

    @property
    def info(self) -> VideoInfo:
        return replace(self._info, frames_decoded=self._indexed, frames_converted=self._converted)

    def frames(self) -> Iterator[TimedFrame]:
        """References to the frames in presentation order; nothing is decoded.

        Raises:
            GaveUp: the container does not tell exactly.
        """
        try:
            for frame in index_frames(self._container, self._stream, self._cancel):
                self._indexed += 1
                yield TimedFrame(frame.reference, frame.time, frame.duration)
        except InexactIndex as error:
            raise GaveUp(str(error)) from error

    def render(self, planned: Iterator[Clip]) -> Generator[Clip, None, None]:
        """The clips with their pictures; `planned` has references in their place.

        Raises:
            GaveUp: DALI cannot decode a stretch.
        """
        self._rendering = True
        try:
            group: list[Clip] = []
            wanted: dict[SectionFrame, int] = {}
            for clip in planned:
                more = {reference: None for reference in _references(clip) if reference not in wanted}
                if group and self._full(len(group), wanted, more):
                    yield from self._decode(group, wanted)
                    group, wanted = [], {}
                group.append(clip)
                for reference in _references(clip):
                    wanted.setdefault(reference, len(wanted))
                del clip
            if group:
                yield from self._decode(group, wanted)
        finally:
            self._rendering = False
            self.close()

    def close(self) -> None:
        """Release the file and the graph; while clips are being made, once they are."""
        if not self._rendering:
            self._runner.close()
            self._container.close()

    def _full(self, clips: int, wanted: dict[SectionFrame, int], more: dict[SectionFrame, None]) -> bool:
        if clips == CLIPS_PER_RUN or (len(wanted) + len(more)) * self._frame_bytes > MOST_FRAME_BYTES:
            return True
        first, last = next(iter(wanted)).section, list(more or wanted)[-1].section
        return _span_bytes(first, last) > MOST_PIECE_BYTES

    def _decode(self, group: list[Clip], wanted: dict[SectionFrame, int]) -> Iterator[Clip]:
        piece = cut_piece(self._stream, list(wanted))
        orders = [[wanted[reference] for reference in _references(clip)] for clip in group]
        (result,) = self._runner.run([ClipRequest(piece, orders, self._geometry)])
        if isinstance(result, DecodeError):
            raise GaveUp(str(result))
        self._converted += len(wanted)
        for clip, frames in zip(group, result, strict=True):
            yield replace(clip, frames=frames)


def _references(clip: Clip) -> tuple[SectionFrame, ...]:
    return cast("tuple[SectionFrame, ...]", cast(Any, clip.frames))


def _span_bytes(first: Any, last: Any) -> int:
    size, section = 0, first
    while section is not None:
        size += section.bytes
        section = None if section is last else section.next
    return int(size)
