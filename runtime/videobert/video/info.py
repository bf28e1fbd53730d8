"""What is known about an opened video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """Properties of the stream and what happened while it was read; the counts grow until the stream is exhausted.

    Args:
        container: short name of the container, e.g. `"mp4"`; `"frames"` for numpy frames.
        codec: name of the codec, e.g. `"h264"`; `"rgb"` for numpy frames.
        pixel_format: how the decoder stores pixels, e.g. `"yuv420p10le"`.
        read_as: in which pixel format it is resized and converted to RGB: the same, or for a rare one the nearest that
            is read, to which swscale converts each frame first.
        width, height: size of the first frame as stored, in pixels: before it is cropped and turned.
        crop: pixels of the stored picture that the container has cut off: left, top, right, bottom. What H.264 and HEVC
            cut off themselves counts as never stored.
        crop_ignored: why a crop that the container asks for is not followed; None if there is none.
        rotation: degrees clockwise that the stored picture is turned by for display: 0, 90, 180 or 270.
        mirrored: whether the stored picture is mirrored left to right, before it is turned.
        interlaced: whether the first frame holds two fields.
        matrix: colour matrix in use, e.g. `"bt709"`; `"rgb"` where there is none.
        full_range: whether luma runs over 0…255 rather than 16…235.
        fps: average frame rate that the container states, if any.
        duration_s: length that the container states, if any; it may be wrong.
        start_s: presentation time of the first frame that is not left out.
        end_s: when the last frame read so far leaves the screen; None before the first. A stream that ends well before
            `start_s + duration_s` was cut short.
        timestamps: `"presentation"`: as stored; `"decode order"`: the container has decoding times only, and frames
            were given them in order; `"estimated"`: the stream has none, and the frame rate was trusted.
        track: which video track is read, from 0.
        tracks: how many the file has; cover pictures are none.
        decoder: what decodes: `"pyav"`, `"dali"`, or `"none"` for numpy frames.
        decoder_fallback: why this is not the decoder that would have been first choice; None if it is.
        frames_decoded: frames that came out of the decoder; with DALI, those that it could choose from.
        frames_converted: frames that a sample needed and that were resized and converted.
        damaged_packets: packets that could not be read or decoded and were skipped, or that the container marks as
            damaged.
        damaged_frames: frames that the decoder gave but marked as damaged.
        frames_left_out: frames that were left out because their time does not fit between their neighbours'.
        clock_restarts: times that the stream's clock jumped back for good; time goes on from the frame before.
        stills_cut: times that a picture would have stood still for longer than `Limits.max_repeated_frames` allows;
            time goes on from it as if it had not.
        size_changes: times that the picture size changed in mid-stream.
        adjusted: what was done to pictures because the recipe asks for it, in words: `"hlg to bt709"`,
            `"sample aspect 64:51"`, `"top field"`. A report has it only where something was done.
    """

    container: str
    codec: str
    pixel_format: str
    read_as: str = "rgb24"
    width: int
    height: int
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    crop_ignored: str | None = None
    rotation: Literal[0, 90, 180, 270] = 0
    mirrored: bool = False
    interlaced: bool = False
    matrix: str = "rgb"
    full_range: bool = True
    fps: float | None = None
    duration_s: float | None = None
    start_s: float = 0.0
    end_s: float | None = None
    timestamps: Literal["presentation", "decode order", "estimated"] = "presentation"
    track: int = 0
    tracks: int = 1
    decoder: Literal["pyav", "dali", "none"] = "pyav"
    decoder_fallback: str | None = None
    frames_decoded: int = 0
    frames_converted: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    frames_left_out: int = 0
    clock_restarts: int = 0
    stills_cut: int = 0
    size_changes: int = 0
    adjusted: tuple[str, ...] = ()
