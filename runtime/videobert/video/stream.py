"""The clips of one video, made as they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from types import TracebackType

from videobert.base.cancelling import stop_if
from videobert.base.errors import DecodeError
from videobert.base.limits import Limits, check_duration
from videobert.base.spans import span
from videobert.model.recipe import Recipe
from videobert.video.assembly import ClipAssembly, FrameOnScreen
from videobert.video.clip import Clip
from videobert.video.decoders.decoder import Decoder, FrameReference, GaveUp, TimedFrame
from videobert.video.info import VideoInfo
from videobert.video.picture.crop import Crop
from videobert.video.picture.transform import PictureTransform
from videobert.video.sampling import SampleGrid
from videobert.video.settled_frames import clock_of, settled_frames
from videobert.video.timestamps import PresentationClock

Progress = Callable[[float, float | None], None]
# Takes every frame with its presentation time in seconds, in order. After a decoder gave up they come again.
OnFrame = Callable[[TimedFrame, Fraction], None]


class ClipStream(Iterator[Clip]):
    """The clips of one video, made as they are asked for: memory does not grow with the length of the video.

    A context manager; leaving it releases the file and the decoder's threads at any point. Streams of different videos
    may be used from different threads, one stream from one thread at a time.

    Attributes:
        recipe: how frames are chosen and transformed.
        live: the source gives its frames when they are there, as a camera or a pipe does, and may keep the reader
            waiting.
        given: the clips are a caller's, and no frames but theirs are seen.
    """

    def __init__(
        self,
        decoder: Decoder,
        recipe: Recipe,
        limits: Limits,
        on_progress: Progress | None,
        cancel: threading.Event | None,
        reopen: Callable[[Decoder, str], Decoder] | None = None,
        live: bool = False,
        on_frame: OnFrame | None = None,
    ) -> None:
        self._decoder = decoder
        self._reopen = reopen
        self.recipe = self._recipe = recipe
        self.live = live
        self.given = False
        self._limits = limits
        self._on_progress = on_progress
        self._done_s = 0.0
        self._on_frame = on_frame
        self._cancel = cancel
        self._transform = PictureTransform(recipe, limits.max_side_px, Crop(*decoder.info.crop), decoder.sample_aspect)
        self._clock = self._new_clock()
        self._clips = self._give()

    @property
    def stride(self) -> int:
        """Every how many clips of the video one is given."""
        return self.recipe.stride

    @property
    def info(self) -> VideoInfo:
        """Properties of the video; the counts are as they are now."""
        start, end, info = self._clock.start, self._clock.end, self._decoder.info
        return replace(
            info,
            start_s=info.start_s if start is None else float(start),
            end_s=None if end is None else float(end),
            frames_converted=info.frames_converted + self._transform.converted,
            frames_left_out=self._clock.left_out,
            clock_restarts=self._clock.restarts,
            stills_cut=self._clock.stills_cut,
            adjusted=self._transform.adjusted,
        )

    def __iter__(self) -> ClipStream:
        return self

    def __next__(self) -> Clip:
        return next(self._clips)

    def __enter__(self) -> ClipStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop and release everything; may be called again."""
        self._clips.close()
        self._decoder.close()

    def _new_clock(self) -> PresentationClock[TimedFrame]:
        return clock_of(self._decoder, self._recipe, self._limits)

    def _give(self) -> Generator[Clip, None, None]:
        given = 0
        while True:
            try:
                for number, clip in enumerate(self._rendered()):
                    if number >= given:
                        given += 1
                        yield clip
                return
            except GaveUp as reason:
                self._decoder.close()
                if self._reopen is None:
                    raise DecodeError("this video cannot be decoded any further", seen=str(reason)) from reason
                said = str(reason)
            # From the beginning: what was given already is the same, and damage is met as it always is.
            self._decoder = self._reopen(self._decoder, said)
            self._clock = self._new_clock()

    def _rendered(self) -> Iterator[Clip]:
        return self._decoder.render(self._make())

    def _make(self) -> Generator[Clip, None, None]:
        grid: SampleGrid | None = None
        assembly: ClipAssembly | None = None
        shown: FrameOnScreen | None = None
        for timed, time in settled_frames(self._decoder, self._clock, self._cancel):
            if self._on_frame is not None:
                with span("shots"):
                    self._on_frame(timed, time)
            if grid is None or assembly is None:
                grid = SampleGrid(time, self._recipe.fps, self._decoder.tolerance)
                assembly = ClipAssembly(grid, self._recipe, isinstance(timed.picture, FrameReference))
            check_duration(time - grid.time(0), self._limits)
            before, now = grid.advance(time)
            if shown is not None:
                yield from self._place(assembly, before, shown)
            shown = FrameOnScreen(timed, time, self._transform)
            yield from self._place(assembly, now, shown)
        stop_if(self._cancel)
        end = self._clock.end
        if grid is None or assembly is None or shown is None or end is None:
            return
        check_duration(end - grid.time(0), self._limits)
        yield from self._place(assembly, grid.finish(end), shown)
        last = assembly.rest(end, shown)
        self._decoder.close()
        self._report(float(end - grid.time(0)))
        if last is not None:
            yield last

    def _place(self, assembly: ClipAssembly, samples: range, shown: FrameOnScreen) -> Iterator[Clip]:
        for sample in samples:
            clip = assembly.place(sample, shown)
            if assembly.at_boundary(sample):
                # A frozen picture can stand for hours of samples.
                stop_if(self._cancel)
                self._report(self._until(sample))
            if clip is not None:
                yield clip

    def _until(self, sample: int) -> float:
        """Where a sample ends; the last one where the video does, as far as that is known."""
        start_s, end_s = (float(number / self._recipe.fps) for number in (sample, sample + 1))
        length_s = self._decoder.info.duration_s
        return end_s if length_s is None else min(end_s, max(start_s, length_s))

    def _report(self, done_s: float) -> None:
        # A video that is read again from its beginning does not go back.
        self._done_s = max(self._done_s, done_s)
        if self._on_progress is not None:
            self._on_progress(self._done_s, self._decoder.info.duration_s)
