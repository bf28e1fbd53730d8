"""File objects and pipes: read once or sought in, slow, misbehaving, or broken off."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.file_objects import CheckedReader

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", ticks=range(20))


def pictures(source):
    with open_clips(source, RECIPE) as stream:
        return np.concatenate([clip.frames for clip in stream])


class Unseekable(io.RawIOBase):
    """A pipe: read forward only."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self._file.read(size)


class ReadOnly:
    """The least a file object can be."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size):
        return self._file.read(size)


FORWARD_ONLY = {
    "a.mkv": {},
    "a.ts": {},
    "a.mp4": {"movflags": "faststart"},
    "fragments.mp4": {"movflags": "frag_keyframe+empty_moov"},
}


@pytest.mark.parametrize("kind", [Unseekable, ReadOnly])
@pytest.mark.parametrize("name", FORWARD_ONLY)
def test_input_that_cannot_seek(factory, tmp_path, kind, name):
    path = factory.write_clip(tmp_path / name, ticks=range(20), muxer=FORWARD_ONLY[name])
    assert (pictures(kind(path.read_bytes())) == pictures(path)).all()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_video_inside_a_longer_file_begins_where_the_file_object_stands(factory, tmp_path, suffix):
    data = factory.write_clip(tmp_path / f"a.{suffix}", ticks=range(20)).read_bytes()
    file = io.BytesIO(b"a header of the format around it" + data)
    for _ in range(2):
        file.seek(len(file.getbuffer()) - len(data))
        assert (pictures(file) == pictures(data)).all()


@pytest.mark.parametrize("lost", ["seek", "tell"])
def test_a_file_object_that_cannot_be_asked_is_an_error(clip, lost):
    file = io.BytesIO(clip.read_bytes())
    broken = type("Broken", (), {"read": file.read, "seek": file.seek, "tell": file.tell, lost: failing})()
    with pytest.raises(InputError, match=r"seeking in the file object failed|cannot tell its position"):
        pictures(broken)


def test_a_file_object_that_cannot_say_whether_it_seeks_is_read_once(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mkv", ticks=range(20))
    file = io.BytesIO(path.read_bytes())
    unsure = type("Unsure", (), {"read": file.read, "seek": file.seek, "tell": file.tell, "seekable": failing})()
    assert (pictures(unsure) == pictures(path)).all()


def failing(*_):
    raise OSError("the line is down")


@pytest.mark.parametrize("name", FORWARD_ONLY)
def test_a_named_pipe(factory, tmp_path, name):
    path = factory.write_clip(tmp_path / name, ticks=range(20), muxer=FORWARD_ONLY[name])
    os.mkfifo(tmp_path / "pipe")
    if os.fork() == 0:
        (tmp_path / "pipe").write_bytes(path.read_bytes())
        os._exit(0)
    got = pictures(tmp_path / "pipe")
    os.wait()
    assert (got == pictures(path)).all()


class Misbehaving:
    def __init__(self, answer):
        self._answer = answer

    def read(self, size):
        return self._answer(size)


def _fail(_):
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    "answer", [lambda size: bytes(size + 1), lambda _: "text", lambda _: None, lambda _: 3, _fail], ids=range(5)
)
def test_file_objects_that_misbehave(answer):
    with pytest.raises(InputError, match="file object"):
        open_clips(Misbehaving(answer), RECIPE)


def test_a_file_object_that_fails_half_way(factory, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 96, 128, 3), dtype=np.uint8)
    path = factory.write_clip(
        tmp_path / "a.avi", codec="mjpeg", pixel_format="yuvj420p", size=(128, 96), frames=noise, ticks=range(200)
    )
    data = path.read_bytes()
    assert len(data) > 512 << 10, "the library reads 128 KiB ahead"
    file = io.BytesIO(data)

    def read(size):
        if file.tell() > len(data) // 2:
            raise OSError("the disk is gone")
        return file.read(size)

    with (
        pytest.raises(InputError, match="reading from the file object failed"),
        open_clips(Misbehaving(read), RECIPE) as stream,
    ):
        list(stream)


def test_a_buffered_pipe_is_read_as_its_bytes_come(factory, tmp_path):
    """`read` of a pipe's file object would wait for a full buffer: seconds of video, or for ever."""
    content = factory.write_clip(tmp_path / "a.ts", container="mpegts").read_bytes()
    theirs, ours = os.pipe()
    with os.fdopen(theirs, "rb") as pipe, os.fdopen(ours, "wb", buffering=0) as end:
        reader = CheckedReader(pipe)
        end.write(content[:1000])
        assert reader.read(1 << 17) == content[:1000]
    for data, live in ((io.BytesIO(content), False), (pipe_of(content), True)):
        with data, open_clips(data, RECIPE) as stream:
            assert stream.live == live
            assert len(list(stream)) > 1


def pipe_of(content):
    theirs, ours = os.pipe()

    def write():
        with os.fdopen(ours, "wb") as end:
            end.write(content)

    threading.Thread(target=write).start()
    return os.fdopen(theirs, "rb")
