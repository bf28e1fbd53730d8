"""Reads the tokens of one video with the bundled model and prints their number, their end in seconds and the peak
memory of this process in KiB."""

from __future__ import annotations

import resource
import sys

import videobert

with videobert.load("shapes", cache_dir=sys.argv[2]) as model:
    tokens = model.tokens(sys.argv[1])
print(len(tokens.ids), float(tokens.end_s[-1]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
