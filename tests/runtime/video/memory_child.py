"""Reads one video to its end and prints clips, seconds and the peak memory of this process in KiB.

Python's search for cycles is off: a frame that only it could free would show.
"""

from __future__ import annotations

import gc
import resource
import sys

from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

gc.disable()
with open_clips(sys.argv[1], Recipe()) as stream:
    count, end_s = 0, 0.0
    for clip in stream:
        count, end_s = count + 1, clip.end_s
print(count, end_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
