"""Video to clips, true to the clock.

with open_clips("film.mp4", Recipe()) as stream:
    for clip in stream:
        print(clip.start_s, clip.end_s, clip.frames.shape)
"""

from videobert.video.clips import Clip, ClipStream, VideoSource, open_clips
from videobert.video.frame_array import FrameArray
from videobert.video.info import VideoInfo

__all__ = ["Clip", "ClipStream", "FrameArray", "VideoInfo", "VideoSource", "open_clips"]
