"""How an encoder begins: without a word, and with threads that leave others their turn."""

from __future__ import annotations

import os
from typing import Any

from videobert.base.thread_scheduling import kept_scheduling


def open_encoder(context: Any) -> None:
    """Open a codec context that is set up to encode; what encodes with one that is not open yet would do it otherwise.

    Raises:
        av.error.FFmpegError, ValueError: as its `open` does.
    """
    # What SVT-AV1 says about itself goes to standard error unless its environment says 1, for errors alone.
    silent = context.name == "libsvtav1" and "SVT_LOG" not in os.environ
    if silent:
        os.environ["SVT_LOG"] = "1"
    try:
        with kept_scheduling():
            context.open()
    finally:
        if silent:
            os.environ.pop("SVT_LOG", None)
