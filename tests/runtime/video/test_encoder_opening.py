"""An encoder takes nothing from others: neither their turns nor standard error."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from videobert.editing.encoders import CODINGS
from videobert.video.encoder_opening import open_encoder

FORMATS = {"mjpeg": "yuvj420p", "prores": "yuv422p10le"}


def encoder(codec: str) -> Any:
    context: Any = av.CodecContext.create(CODINGS[codec].encoder, "w")
    context.width, context.height, context.pix_fmt = 128, 128, FORMATS.get(codec, "yuv420p")
    context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
    context.options = CODINGS[codec].options
    return context


@pytest.mark.parametrize("codec", CODINGS)
def test_no_thread_becomes_a_real_time_thread(codec: str) -> None:
    """As root, which alone may have such threads."""
    open_encoder(encoder(codec))
    threads = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SVT_LOG", raising=False)
    open_encoder(encoder("av1"))
    assert "SVT_LOG" not in os.environ
    monkeypatch.setenv("SVT_LOG", "2")
    open_encoder(encoder("av1"))
    assert os.environ["SVT_LOG"] == "2"


@pytest.mark.parametrize("codec", ["av1", "h264"])
def test_one_that_cannot_begin_says_why_and_changes_nothing(codec: str) -> None:
    context = encoder(codec)
    context.pix_fmt = "pal8"
    with pytest.raises((av.error.FFmpegError, ValueError)):
        open_encoder(context)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert "SVT_LOG" not in os.environ


def test_the_trial_of_dali_is_silent() -> None:
    """Written past Python: seen from another process alone."""
    code = "from videobert.video.dali_trial import _clip; assert _clip('av1')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
