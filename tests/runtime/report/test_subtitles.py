"""Subtitles: what players read, for texts and times of any kind."""

from __future__ import annotations

import io
import re

import av
import pytest
from sample_report import make_report

from videobert.report.subtitles import srt, vtt
from videobert.results.caption import Caption, Captions


def captions(*said: tuple[float, float, str]) -> Captions:
    return Captions(
        segments=tuple(Caption(start_s=a, end_s=b, text=text, score=0.5, unsure=False) for a, b, text in said),
        method="labels",
        percentile=None,
        out_of_domain=False,
        origin=make_report().origin,
    )


def test_times_of_any_length() -> None:
    told = srt(captions((0.0004, 1.9996, "a"), (59.9999, 3600.5, "b"), (360_000.0, 360_001.25, "c")))
    assert re.findall(r"\S+ --> \S+", told) == [
        "00:00:00,000 --> 00:00:02,000",
        "00:01:00,000 --> 01:00:00,500",
        "100:00:00,000 --> 100:00:01,250",
    ]


def test_times_that_a_player_has_not() -> None:
    told = vtt(captions((-2.0, -1.0, "before"), (-1.0, 1.0, "across"), (2.0, 2.0, "short")))
    assert "before" not in told
    assert "00:00:00.000 --> 00:00:01.000\nacross" in told
    assert "00:00:02.000 --> 00:00:02.001\nshort" in told


def test_a_text_cannot_end_or_begin_a_cue() -> None:
    evil = "a\n\n2\n00:00:00,000 --> 00:00:09,000\nevil <b>&amp;\r\x00"
    for told in (srt(captions((0, 1, evil))), vtt(captions((0, 1, evil)))):
        assert told.count(" --> ") == 1
        assert told.rstrip("\n").count("\n\n") == told.startswith("WEBVTT") * 2
    assert "&lt;b&gt;&amp;amp;" in vtt(captions((0, 1, evil)))


def test_no_captions_are_an_empty_file() -> None:
    assert srt(captions()) == ""
    assert vtt(captions()).startswith("WEBVTT\n")


@pytest.mark.parametrize(("write", "form"), [(srt, "srt"), (vtt, "webvtt")])
def test_ffmpeg_reads_them(write: object, form: str) -> None:
    told = write(captions((0.0, 1.5, "It is red."), (1.5, 3.25, "Someone is tossing a coin.")))  # type: ignore[operator]
    with av.open(io.BytesIO(told.encode()), format=form) as container:
        packets = [packet for packet in container.demux(subtitles=0) if packet.size]
        found = [(float(p.pts * p.time_base), float(p.duration * p.time_base), bytes(p).decode()) for p in packets]
    assert found == [(0.0, 1.5, "It is red."), (1.5, 1.75, "Someone is tossing a coin.")]
