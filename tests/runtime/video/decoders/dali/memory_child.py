"""Reads one video through DALI several times and prints clips, seconds and this process's memory in KiB.

Arguments: the video and how often. Printed: clips and end of one reading, then the memory in use after a tenth of the
readings and after the last one, and the peak.
"""

from __future__ import annotations

import gc
import os
import resource
import sys

from videobert.model.recipe import Recipe
from videobert.video.open import open_clips


def resident_kib() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


times = int(sys.argv[2])
early = count = 0
end_s = 0.0
for number in range(times):
    with open_clips(sys.argv[1], Recipe(), decoder="dali") as stream:
        count = 0
        for clip in stream:
            count, end_s = count + 1, clip.end_s
        if stream.info.decoder != "dali":
            raise SystemExit(stream.info.decoder_fallback)
    if number == times // 10:
        gc.collect()
        early = resident_kib()
gc.collect()
print(count, end_s, early, resident_kib(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
