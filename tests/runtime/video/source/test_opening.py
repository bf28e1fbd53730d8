"""Which paths and bytes are opened, what is said of those that cannot be, and that a name is only a name."""

from __future__ import annotations

import io
import os

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError, InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", ticks=range(20))


def pictures(source):
    with open_clips(source, RECIPE) as stream:
        return np.concatenate([clip.frames for clip in stream])


def test_every_kind_of_source_gives_the_same_pictures(clip):
    data = clip.read_bytes()
    wanted = pictures(clip)
    with clip.open("rb") as file:
        for source in (str(clip), data, bytearray(data), memoryview(data), io.BytesIO(data), file):
            assert (pictures(source) == wanted).all()
        assert not file.closed, "the caller's file stays open"


@pytest.mark.parametrize(
    "name",
    ["a b.mp4", "ünïcode-日本.mp4", "-flag.mp4", "concat:a|b.mp4", "http:x.mp4", "%05d.mp4", "a#b?c=d.mp4", "noend"],
)
def test_odd_file_names_are_only_names(clip, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert (pictures(name) == pictures(clip)).all()


def test_a_file_name_that_is_not_unicode(clip, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\xfe.mp4"
    with open(name, "wb") as file:
        file.write(clip.read_bytes())
    assert (pictures(os.fsdecode(name)) == pictures(clip)).all()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/a.mp4",
        "https://example.org/a.mp4",
        "rtsp://127.0.0.1/a",
        "file:///etc/passwd",
        "concat:/tmp/a.ts|/tmp/b.ts",
        "data:video/mp4;base64,AAAA",
        "subfile:,,start,0,end,9,,:/tmp/a.mp4",
        "HLS+http://127.0.0.1/a.m3u8",
    ],
)
def test_addresses_are_refused_as_not_local(url):
    with pytest.raises(InputError, match="local files only"):
        open_clips(url, RECIPE)


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (b"", DecodeError, "empty"),
        (b"hello" * 100, DecodeError, "not a video file that can be read"),
        (bytes(5000), DecodeError, "not a video file that can be read"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), DecodeError, "a picture, not a video"),
    ],
)
def test_files_that_are_no_video(tmp_path, content, error, text):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    for source in (path, content, io.BytesIO(content)):
        with pytest.raises(error) as caught:
            open_clips(source, RECIPE)
        assert caught.value.exit_code == 3
    with pytest.raises(error, match=text):
        open_clips(path, RECIPE)


def test_paths_that_lead_nowhere(tmp_path):
    for path, text in [
        (tmp_path / "none.mp4", "no such video file"),
        (tmp_path, "not a directory"),
        ("a\0b.mp4", "cannot be opened"),
        ("a" * 5000, "cannot be opened"),
        (tmp_path / "none" / "a.mp4", "no such video file"),
    ]:
        with pytest.raises(InputError, match=text):
            open_clips(path, RECIPE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(clip, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        open_clips(path, RECIPE)


def test_a_file_refused_by_the_system(clip, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="may not be read"):
        open_clips(clip, RECIPE)


def test_sound_without_picture(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.rate = 16000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(DecodeError, match=r"no video in this file; got audio only"):
        open_clips(path, RECIPE)


def test_the_package_reads_without_a_word_on_the_terminal(clip, tmp_path, capfd):
    data = bytearray(clip.read_bytes())
    data[200:1200] = bytes(1000)
    with pytest.raises(DecodeError):
        open_clips(bytes(data), RECIPE)
    assert capfd.readouterr() == ("", "")
