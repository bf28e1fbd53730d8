"""The one `openvino.Core` of a process."""

from __future__ import annotations

import threading
from typing import Any

from videobert.base.offline_imports import openvino_library

_making = threading.Lock()
_core: Any = None


def openvino_core() -> Any:
    """OpenVINO's `Core`, the same for every caller and kept as long as the process. Thread-safe.

    Each core that works on the CPU puts a stack for signals of its own under the thread that made it, frees that with
    itself, and puts back the one before. Of two that go in another order than last made first, or in another thread,
    a freed stack stays behind: the next signal, such as Ctrl-C, ends the process without a word.

    Raises:
        ImportError: OpenVINO is not installed, or does not load.
    """
    global _core
    with _making:
        if _core is None:
            _core = openvino_library().Core()
        return _core
