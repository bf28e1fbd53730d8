"""Answers as a worker does, without torch: rightly, wrongly, too late, or by dying; each request says which."""

from __future__ import annotations

import json
import os
import sys
import time

ANSWERS = {
    "right": {"verdict": "met", "parity": "good", "ours_ms": {"q1": 1.0, "median": 2.0, "q3": 3.0}},
    "wrong": {"verdict": "parity is red", "parity": "label 3 is 5, not 4"},
    "lost": {"verdict": "failed", "error": "the context is gone", "context_lost": True},
}

with os.fdopen(int(sys.argv[1]), "w", buffering=1) as lines:
    print("{}", file=lines)
    for line in sys.stdin:
        asked = json.loads(line).get("case")
        if asked == "hangs":
            time.sleep(60)
        if asked == "dies":
            print("a last word")
            sys.stdout.flush()
            os._exit(11)
        print(json.dumps({"process": os.getpid(), **ANSWERS[asked]}), file=lines)
