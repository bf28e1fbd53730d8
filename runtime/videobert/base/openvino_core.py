"""The one `openvino.Core` of a process."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

from videobert.base.errors import EngineUnavailable
from videobert.base.offline_imports import openvino_library


class ForkedError(EngineUnavailable):
    """This process was forked off from one where OpenVINO was at work: no engine is a fallback for that.

    What else computes may wait for threads of the parent too, and the answers of another engine are others.
    """


_making = threading.Lock()
_core: Any = None
_made_in = 0


def openvino_core() -> Any:
    """OpenVINO's `Core`, the same for every caller and kept as long as the process. Thread-safe.

    Each core that works on the CPU puts a stack for signals of its own under the thread that made it, frees that with
    itself, and puts back the one before. Of two that go in another order than last made first, or in another thread,
    a freed stack stays behind: the next signal, such as Ctrl-C, ends the process without a word.

    Raises:
        ImportError: OpenVINO is not installed, or does not load.
        ForkedError: this process was forked off from one that has made its core: the threads of that core stayed
            there, and what waits for them waits for ever.
    """
    global _core, _made_in
    with _making:
        if _core is None:
            _core, _made_in = openvino_library().Core(), os.getpid()
        if _made_in != os.getpid():
            raise ForkedError(
                "OpenVINO was at work before this process was forked off, and does not go on here",
                fix='Load models after forking only, or start processes with multiprocessing.get_context("spawn").',
            )
        return _core


def _after_fork() -> None:
    """In the child: a lock that is new, and a core that nothing frees, since that would wait for its threads."""
    global _making
    _making = threading.Lock()
    if _core is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_core))


os.register_at_fork(after_in_child=_after_fork)
