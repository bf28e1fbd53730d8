"""Video to clips, true to the clock.

with open_clips("film.mp4", Recipe()) as stream:
    for clip in stream:
        print(clip.start_s, clip.end_s, clip.frames.shape)
"""

from videobert.video.clip import Clip
from videobert.video.frame_array import FrameArray
from videobert.video.info import VideoInfo
from videobert.video.open import VideoSource, open_clips
from videobert.video.stream import ClipStream

__all__ = ["Clip", "ClipStream", "FrameArray", "VideoInfo", "VideoSource", "open_clips"]
