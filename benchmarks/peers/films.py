"""Decoders: from a file to the clips of a recipe, uint8, by what others would call for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.looped_film import HEIGHT, WIDTH, looped
from benchmarks.peers.case import Absent, Case, Contender, Measure, Prepared, Setting, versions
from videobert.model.folder import BUNDLED
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

if TYPE_CHECKING:
    from collections.abc import Callable

_MEDIA = Path(__file__).parents[2] / "tests" / "media"
Frames = npt.NDArray[np.uint8]
# Other filters and other places of chroma give other bytes; another frame, or another matrix, gives less than this.
_LEAST_DB = 30.0
# Equal bytes have no ratio of signal to noise.
_MOST_DB = 100.0
# A frame is another one where it is that much more like its neighbour.
_MORE_DB = 3.0
# Pictures of full size that are resized together.
_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class Film:
    """One of the repository's films, by its path in it."""

    place: Path
    what: str

    def path(self, setting: Setting) -> Path:
        """The file."""
        return self.place


@dataclass(frozen=True, slots=True)
class LoopedFilm(Film):
    """One that is too short or of another size, again and again; written once."""

    seconds: int
    width: int = WIDTH
    height: int = HEIGHT

    def path(self, setting: Setting) -> Path:
        """The file in the scratch folder."""
        film = setting.scratch / f"{self.place.stem}-{self.seconds}-{self.width}x{self.height}.mp4"
        if not film.exists():
            partial = film.with_name(f".{film.name}")
            looped(self.place, partial, self.seconds, self.width, self.height)
            partial.rename(film)
        return film


FILMS = {
    "480p": Film(BUNDLED / "shapes" / "clip.mp4", "10.5 s of 854 x 480 H.264, 30 a second"),
    "car": LoopedFilm(_MEDIA / "driving_car.mp4", "10 s of 854 x 480 H.264, 12 a second, a car that drives", 10),
    "272p": LoopedFilm(_MEDIA / "bigbuckbunny.mp4", "10 s of 640 x 272 H.264, 25 a second", 10, 640, 272),
    "720p": Film(_MEDIA / "bigbuckbunny.mp4", "5.3 s of 1280 x 720 H.264, 25 a second"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a decoder is asked for.

    Args:
        path: the file.
        times_s: when a sample is taken: the frame on screen then; after the end the last one.
        size: width and height before the crop.
        crop: side of the centred square.
        threads: most threads.
    """

    path: Path
    times_s: npt.NDArray[np.float64]
    size: tuple[int, int]
    crop: int
    threads: int

    def middle(self, pictures: Any) -> Any:
        """The centred square of pictures `(…, height, width, 3)`."""
        width, height = self.size
        top, left = (height - self.crop) // 2, (width - self.crop) // 2
        return pictures[..., top : top + self.crop, left : left + self.crop, :]


def wanted_of(path: Path, recipe: Recipe, threads: int) -> tuple[Wanted, Frames]:
    """The samples of a recipe, and what ours gives for them."""
    import av

    with open_clips(path, recipe, threads=threads) as clips:
        read = list(clips)
    frames = np.concatenate([np.asarray(clip.frames) for clip in read])
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
    scale = recipe.short_side / min(width, height)
    size = (int(width * scale + 0.5), int(height * scale + 0.5))
    times_s = read[0].start_s + np.arange(len(frames)) / float(recipe.fps)
    return Wanted(path=path, times_s=times_s, size=size, crop=recipe.crop, threads=threads), frames


def shown(times_s: Iterable[float], wanted: npt.NDArray[np.float64]) -> Iterator[int]:
    """For each frame in turn how many samples show it: those at or after it and before the next."""
    taken = 0
    frames = iter(times_s)
    next(frames)
    for until in frames:
        # A sampling time that rounding puts a hair before its frame still shows it.
        end = int(np.searchsorted(wanted, until - 1e-6))
        yield end - taken
        taken = end
    yield len(wanted) - taken


def ours(path: Path, recipe: Recipe, threads: int) -> Contender:
    """What we ship."""

    def call() -> Frames:
        with open_clips(path, recipe, threads=threads) as clips:
            return np.concatenate([np.asarray(clip.frames) for clip in clips])

    return Contender(version=versions("av"), call=call)


def pyav(wanted: Wanted) -> Contender:
    """PyAV, frames resized and converted by swscale in one step, bilinear."""
    import av

    def call() -> Frames:
        found: list[Frames] = []
        with av.open(str(wanted.path)) as file:
            stream = file.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "AUTO", wanted.threads
            last = None
            for frame in file.decode(stream):
                if last is not None:
                    _add(found, wanted, frame.time, lambda last=last: _swscaled(last, wanted))
                last = frame
            _add(found, wanted, float("inf"), lambda: _swscaled(last, wanted))
        return np.stack(found)

    return Contender(version=versions("av"), call=call, note="swscale, bilinear")


def _swscaled(frame: Any, wanted: Wanted) -> Frames:
    width, height = wanted.size
    picture = frame.reformat(width, height, "rgb24", interpolation="BILINEAR").to_ndarray()
    return np.ascontiguousarray(wanted.middle(picture))


def _add(found: list[Frames], wanted: Wanted, until_s: float, picture: Callable[[], Frames]) -> None:
    """Put the picture into every sample before `until_s` that has none; it is made only if there is one."""
    count = int(np.searchsorted(wanted.times_s, until_s - 1e-6)) - len(found)
    if count > 0:
        found.extend([picture()] * count)


def opencv(wanted: Wanted) -> Contender:
    """OpenCV: frames that are not shown are grabbed and not converted; resized by areas, which is antialiased."""
    import cv2

    def call() -> Frames:
        cv2.setNumThreads(wanted.threads)
        film = cv2.VideoCapture(str(wanted.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, wanted.threads])
        found: list[Frames] = []
        rate = film.get(cv2.CAP_PROP_FPS)
        number = 0
        while film.grab():
            number += 1
            # It gives no time of a frame that can be relied on before the next is grabbed; these films have one rate.
            _add(found, wanted, wanted.times_s[0] + number / rate, lambda: _areas(film.retrieve()[1], wanted))
        missing = len(wanted.times_s) - len(found)
        found.extend(found[-1:] * missing)
        film.release()
        return np.stack(found)

    return Contender(version=versions("opencv-python-headless"), call=call, note="INTER_AREA")


def _areas(picture: Any, wanted: Wanted) -> Frames:
    import cv2

    small = cv2.resize(picture, wanted.size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(wanted.middle(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)))


def torchcodec(wanted: Wanted, *, antialiased: bool) -> Contender:
    """torchcodec, frames by their times, resized while they are decoded or, antialiased, by torch afterwards."""
    import torch
    from torch.nn.functional import interpolate

    try:
        from torchcodec.decoders import VideoDecoder
        from torchcodec.transforms import CenterCrop, Resize
    except RuntimeError as error:  # its libraries need those of an FFmpeg of the system's
        raise Absent(str(error).strip().partition("\n")[0]) from error

    torch.set_num_threads(wanted.threads)
    width, height = wanted.size
    transforms = None if antialiased else [Resize((height, width)), CenterCrop((wanted.crop, wanted.crop))]

    def resized(frames: Any) -> Frames:
        if not antialiased:
            return np.asarray(frames.permute(0, 2, 3, 1))
        small = interpolate(frames, (height, width), mode="bilinear", antialias=True)
        return np.ascontiguousarray(wanted.middle(small.permute(0, 2, 3, 1).numpy()))

    def call() -> Frames:
        film = VideoDecoder(wanted.path, num_ffmpeg_threads=wanted.threads, transforms=transforms)
        # It refuses a time at or after the end, where a last clip is filled with the last frame.
        last_s = film.metadata.end_stream_seconds - 1e-3
        times_s = np.minimum(wanted.times_s + 1e-6, last_s).tolist()
        batches = [times_s[at : at + _AT_ONCE] for at in range(0, len(times_s), _AT_ONCE)]
        return np.concatenate([resized(film.get_frames_played_at(batch).data) for batch in batches])

    note = "torch's antialiased bilinear" if antialiased else "its own Resize"
    return Contender(version=versions("torchcodec", "torch"), call=call, note=note)


def decord(wanted: Wanted) -> Contender:
    """decord, frames by their numbers, resized while they are decoded."""
    from decord import VideoReader, cpu

    width, height = wanted.size

    def call() -> Frames:
        film = VideoReader(str(wanted.path), cpu(0), width=width, height=height, num_threads=wanted.threads)
        starts = film.get_frame_timestamp(range(len(film)))[:, 0]
        counts = list(shown(starts, wanted.times_s))
        numbers = np.repeat(np.arange(len(counts)), np.maximum(counts, 0))
        return np.ascontiguousarray(wanted.middle(film.get_batch(numbers).asnumpy()))

    return Contender(version=versions("decord"), call=call, note="its own resize")


PEERS = {
    "PyAV": pyav,
    "OpenCV": opencv,
    "torchcodec": lambda wanted: torchcodec(wanted, antialiased=False),
    "torchcodec, resized by torch": lambda wanted: torchcodec(wanted, antialiased=True),
    "decord": decord,
}


def likeness(answer: Frames, exact: Frames) -> float:
    """The least peak signal-to-noise ratio of a frame, in dB.

    0 where the count or the size is another, or where a frame is much more like its neighbour: another was chosen.
    """
    if np.shape(answer) != exact.shape:
        return 0.0
    own = [_psnr(a, b) for a, b in zip(answer, exact, strict=True)]
    if min(own) < _LEAST_DB:
        return min(own)
    for place, value in enumerate(own):
        for neighbour in (place - 1, place + 1):
            if 0 <= neighbour < len(exact) and _psnr(answer[place], exact[neighbour]) > value + _MORE_DB:
                return 0.0
    return min(own)


def _psnr(a: Frames, b: Frames) -> float:
    error = float(np.mean(np.square(a.astype(np.float32) - b.astype(np.float32))))
    return _MOST_DB if error == 0 else min(_MOST_DB, 10 * float(np.log10(255**2 / error)))


def _prepared(film: Film, recipe: Recipe) -> Callable[[Setting], Prepared]:
    def prepare(setting: Setting) -> Prepared:
        wanted, exact = wanted_of(film.path(setting), recipe, setting.threads)
        return Prepared(
            ours=ours(wanted.path, recipe, setting.threads),
            measure=Measure(name="least PSNR of a frame to ours, dB", limit=_LEAST_DB, better="more"),
            judge=lambda answer: likeness(answer, exact),
            inputs=wanted,
        )

    return prepare


def cases(recipes: Sequence[tuple[str, str, Recipe]]) -> list[Case]:
    """One a film and recipe: which film, the name of the recipe, the recipe."""
    return [
        Case(
            name=f"decode/{film}-{name}",
            what=f"{FILMS[film].what}, to {recipe.crop} x {recipe.crop} at {float(recipe.fps):g} a second",
            prepare=_prepared(FILMS[film], recipe),
            peers=PEERS,
        )
        for film, name, recipe in recipes
    ]
