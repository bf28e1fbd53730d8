"""`-` in place of a video is standard input; `./-` is a file of that name."""

from __future__ import annotations

import io
import os
import pty
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from videobert.cli import standard_input
from videobert.cli.standard_input import HeldInput, StandardInput
from videobert.model.folder import find
from videobert.visual.tokens import VisualTokens

CALLS = {
    "run": ("-",),
    "tokens": ("-",),
    "features": ("-",),
    "embed": ("-", "--text", "a red circle"),
    "fill": ("a [MASK] circle", "-"),
    "classify": ("-", "--question", "colour"),
    "align": ("-", "a red circle"),
    "answer": ("-", "is there a red circle?"),
    "locate": ("-", "a red circle"),
    "forecast": ("-",),
    "summarize": ("-",),
    "sentiment": ("-",),
}


def film(kind: str) -> bytes:
    """Two seconds of a block that moves."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream("mpeg2video" if kind == "mpegts" else "mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(20):
            frame = np.full((48, 64, 3), (40, 60, 90), np.uint8)
            frame[10:34, index : index + 24] = (220, 40, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Makes standard input a pipe with some bytes in it, that come in small parts."""
    threads, streams = [], []

    def pipe(content: bytes) -> None:
        theirs, ours = os.pipe()

        def write() -> None:
            with os.fdopen(ours, "wb", buffering=0) as end:
                for start in range(0, len(content), 5000):
                    try:
                        end.write(content[start : start + 5000])
                    except BrokenPipeError:
                        return

        streams.append(os.fdopen(theirs, encoding="ascii"))
        monkeypatch.setattr("sys.stdin", streams[-1])
        threads.append(threading.Thread(target=write))
        threads[-1].start()

    yield pipe
    for stream in streams:
        stream.close()
    for thread in threads:
        thread.join()


@pytest.fixture
def redirected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[bytes], None]]:
    """Makes standard input a file with some bytes in it."""
    streams = []

    def redirect(content: bytes) -> None:
        (tmp_path / "given").write_bytes(content)
        streams.append((tmp_path / "given").open(encoding="ascii"))
        monkeypatch.setattr("sys.stdin", streams[-1])

    yield redirect
    for stream in streams:
        stream.close()


def frames(source: Any) -> int:
    with av.open(source) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("verb", CALLS)
def test_every_verb_reads_a_pipe(verb: str, call: Any, fake: Any, piped: Any) -> None:
    piped(film("matroska"))
    assert call(verb, *CALLS[verb]).code == 0
    (given,) = (argument for argument in fake.asked[0][1] if isinstance(argument, StandardInput))
    assert given.name == "standard input"
    assert not given.seekable()
    assert frames(given) == 20


@pytest.mark.parametrize("verb", CALLS)
def test_every_verb_reads_a_redirected_file(verb: str, call: Any, fake: Any, redirected: Any) -> None:
    redirected(film("mp4"))
    assert call(verb, *CALLS[verb]).code == 0
    (given,) = (argument for argument in fake.asked[0][1] if isinstance(argument, StandardInput))
    assert given.seekable()
    assert (given.tell(), given.seek(-4, os.SEEK_END), given.seek(-1, os.SEEK_CUR), given.seek(0)) == (
        0,
        len(film("mp4")) - 4,
        len(film("mp4")) - 5,
        0,
    )
    assert frames(given) == 20


@pytest.mark.parametrize(
    ("kind", "way"), [("matroska", "piped"), ("mpegts", "piped"), ("mp4", "piped"), ("mp4", "redirected")]
)
def test_the_answer_is_that_of_the_file(
    kind: str, way: str, call: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    content = film(kind)
    (tmp_path / "film").write_bytes(content)
    asked = ("--json", "--cache-dir", tmp_path / "cache", "--precision", "fp32")
    expected = call("tokens", tmp_path / "film", *asked).json
    request.getfixturevalue(way)(content)
    assert call("tokens", "-", *asked).json == expected


def test_a_film_in_front_of_its_header_is_held_up_to_a_limit(
    call: Any, fake: Any, piped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = film("mp4")
    assert content.index(b"mdat") < content.index(b"moov")
    piped(content)
    call("run", "-")
    (given,) = fake.asked[0][1]
    assert isinstance(given, HeldInput)
    assert given.getvalue() == content
    monkeypatch.setattr(standard_input, "_MOST_HELD_BYTES", len(content) - 1)
    piped(content)
    ended = call("run", "-")
    assert (ended.code, len(fake.asked)) == (3, 1)
    assert "faststart" in ended.err


@pytest.mark.parametrize("way", ["piped", "redirected"])
def test_a_token_file_is_known_by_its_beginning(
    way: str, call: Any, fake: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    tokens = VisualTokens.on_grid(
        first_s=0.0,
        last_end_s=3.0,
        percentiles=np.array([10.0, 20.0], np.float32),
        ids=np.array([3, 4], np.int32),
        padded_frames=0,
        stride=1,
        clip_s=Fraction(3, 2),
        model="m",
        codebook="c",
        clip_recipe="r",
        assignment="flat",
        engine="openvino",
        precision="fp32",
    )
    request.getfixturevalue(way)(tokens.to_bytes())
    assert call("run", "-").code == 0
    assert fake.asked[0][1] == (tokens,)
    request.getfixturevalue(way)(tokens.to_bytes()[:-1])
    ended = call("run", "-")
    assert ended.code == 3
    assert "not a token file" in ended.err


@pytest.mark.parametrize("way", ["piped", "redirected"])
def test_a_feature_file_is_known_by_its_beginning(
    way: str, call: Any, fake: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    features = fake.features("clip.mp4")
    request.getfixturevalue(way)(features.to_bytes())
    fake.asked.clear()
    assert call("run", "-").code == 0
    assert fake.asked[0][1] == (features,)
    request.getfixturevalue(way)(features.to_bytes()[:-1])
    ended = call("run", "-")
    assert ended.code == 3
    assert "does not hold the features of a video" in ended.err


def test_a_terminal_is_a_usage_error(call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        ended = call("run", "-")
    os.close(ours)
    assert (ended.code, fake.loaded) == (2, {})
    assert "`videobert run - < clip.mp4`" in ended.err


@pytest.mark.parametrize("verb", CALLS)
def test_nothing_to_read_is_said(verb: str, call: Any, fake: Any, piped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(b"")
    empty = call(verb, *CALLS[verb])
    assert (empty.code, fake.loaded) == (3, {})
    assert "standard input is empty" in empty.err
    monkeypatch.setattr("sys.stdin", None)
    closed = call(verb, *CALLS[verb])
    assert closed.code == 2
    assert "closed" in closed.err


def test_a_dash_in_a_folder_is_a_file(call: Any, fake: Any, piped: Any) -> None:
    piped(b"")
    assert call("run", "./-").code == 0
    assert fake.asked[0][1] == ("./-",)


def test_what_is_no_video_is_said(call: Any, piped: Any, tmp_path: Path) -> None:
    piped(b"neither film nor tokens" * 1000)
    ended = call("tokens", "-", "--cache-dir", tmp_path)
    assert ended.code == 3
    assert "not a video" in ended.err


def test_the_bundled_clip_is_such_an_mp4() -> None:
    head = (find("shapes") / "clip.mp4").read_bytes()[:4096]
    assert standard_input._film_comes_first(head)
    assert not standard_input._film_comes_first(b"\x1aE\xdf\xa3" + head)
    assert not standard_input._film_comes_first(b"\0\0\0\x10ftyp" + b"x" * 8 + b"\0\0\0\x20moov" + head)
    assert not standard_input._film_comes_first(b"\0\0\0\0free" + head)
