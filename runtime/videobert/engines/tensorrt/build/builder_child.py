"""The builder's process: a request on stdin, the plan in a file, one JSON line on stdout for each event.

The builder of TensorRT can end the process it runs in, so that process does nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videobert.base.errors import VideoBertError
from videobert.engines.tensorrt.build.builder import BuildFailed, build_plan
from videobert.engines.tensorrt.build.request import BuildRequest


def main(plan: Path) -> int:
    """Build what stdin asks for into `plan`. Exit code: 0 built, 1 refused with a `failed` event."""
    # Libraries write to stdout too: from here on that goes to stderr, and events to the saved descriptor.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(**event: Any) -> None:
        print(json.dumps(event), file=events, flush=True)

    request = BuildRequest.from_json(sys.stdin.read())
    try:
        content, result = build_plan(request, lambda phase, done, total: send(phase=phase, done=done, total=total))
    except BuildFailed as error:
        send(failed=str(error))
        return 1
    except VideoBertError as error:
        send(unavailable={"what": error.what, "seen": error.seen, "fix": error.fix})
        return 1
    plan.write_bytes(content)
    send(result=asdict(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
