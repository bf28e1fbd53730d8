"""The one place that imports onnxruntime: without its telemetry."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

_FORBIDS = "ORT_DISABLE_TELEMETRY"
_importing = threading.Lock()


def onnxruntime_library() -> Any:
    """The module `onnxruntime`, the first import of it without its telemetry. Thread-safe.

    From 1.31 on a plain import opens a database of events in the user's cache folder, to be sent to an analytics host.
    The variable that forbids it is read by the import and never again, and is put back as it was.

    Raises:
        ImportError: onnxruntime is not installed, or does not load.
    """
    with _importing:
        if "onnxruntime" in sys.modules:  # someone was here before: what their import did is done
            import onnxruntime

            return onnxruntime
        before = os.environ.get(_FORBIDS)
        os.environ[_FORBIDS] = "1"
        try:
            import onnxruntime

            return onnxruntime
        finally:
            if before is None:
                del os.environ[_FORBIDS]
            else:
                os.environ[_FORBIDS] = before
