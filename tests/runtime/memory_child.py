"""Runs the bundled model over one video; prints clips, the last second and the peak memory of this process in KiB."""

from __future__ import annotations

import resource
import sys

import videobert

with videobert.load("shapes", cache_dir=sys.argv[2]) as model:
    report = model.run(sys.argv[1])
print(
    sum(len(segment.tokens) for segment in report.segments),
    report.segments[-1].end_s,
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
)
