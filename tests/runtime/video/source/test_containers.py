"""Containers that are accepted, playlists that are not, and that no file but the input is touched."""

from __future__ import annotations

import ctypes
import io
import os
import socket
import struct

import av
import pytest

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.source.containers import CONTAINERS

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", ticks=range(20))


# A disguised playlist names a canary file; whoever opens it is seen by the kernel's own watch on the folder.
IN_OPEN = 0x20


class OpenWatch:
    """Names of the files in a folder that anyone opens, through inotify."""

    def __init__(self, folder):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK)
        if self._fd < 0 or self._libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_OPEN) < 0:
            pytest.skip("this system has no inotify")

    def opened(self):
        names = []
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return names
        while data:
            length = struct.unpack_from("iIII", data)[3]
            names.append(data[16 : 16 + length].rstrip(b"\0").decode())
            data = data[16 + length :]
        return names

    def close(self):
        os.close(self._fd)


DISGUISES = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "HLS after blank lines": "\n\n#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{0}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"><Period><AdaptationSet><Representation id="0"><BaseURL>{0}</BaseURL></Representation></AdaptationSet></Period></MPD>',  # noqa: E501
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {1} RTP/AVP 96\na=rtpmap:96 H264/90000\n",  # noqa: E501
    "ASX": '<asx version="3.0"><entry><ref href="{0}"/></entry></asx>',
    "image list": "{0}\n",
    "subtitles": "1\n00:00:00,000 --> 00:00:09,000\n{0}\n",
}


@pytest.mark.parametrize("suffix", [".mp4", ".m3u8", ""])
@pytest.mark.parametrize("target", ["path", "file url", "http"])
@pytest.mark.parametrize("kind", DISGUISES)
def test_a_playlist_in_disguise_opens_nothing(clip, tmp_path, kind, target, suffix):
    canary = tmp_path / "canary.mp4"
    canary.write_bytes(clip.read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        named = {"path": str(canary), "file url": f"file://{canary}", "http": f"http://127.0.0.1:{port}/canary.mp4"}
        disguise = tmp_path / f"disguise{suffix}"
        disguise.write_text(DISGUISES[kind].format(named[target], port))
        watch = OpenWatch(tmp_path)
        try:
            for source in (disguise, io.BytesIO(disguise.read_bytes()), disguise.read_bytes()):
                with pytest.raises(InputError):
                    open_clips(source, RECIPE)
            assert set(watch.opened()) == {disguise.name}
            with pytest.raises(BlockingIOError):
                server.accept()
            # The watch itself works.
            canary.read_bytes()
            assert watch.opened() == ["canary.mp4"]
        finally:
            watch.close()


def test_the_disguises_are_real(clip, tmp_path):
    """Without our limits the library does follow a list: the test above would see it."""
    (tmp_path / "canary.mp4").write_bytes(clip.read_bytes())
    script = tmp_path / "a.mp4"
    script.write_text(DISGUISES["concat"].format("canary.mp4", 0))
    watch = OpenWatch(tmp_path)
    try:
        with av.open(str(script)) as container:
            assert container.format.name == "concat"
        assert "canary.mp4" in watch.opened()
    finally:
        watch.close()


def test_a_track_that_lies_in_another_file_is_not_followed(factory, tmp_path):
    """QuickTime data references: the sample data of a track may be said to be in another file."""
    path = factory.write_clip(tmp_path / "a.mov", ticks=range(5))
    canary = factory.write_clip(tmp_path / "canary.mov", ticks=range(5))
    data = path.read_bytes()
    at = data.index(b"dref")
    entry = data.index(b"alis" if b"alis" in data[at : at + 40] else b"url ", at)
    name = str(canary).encode()
    alias = struct.pack(">I4sI", 12 + 150 + len(name) + 8, b"alis", 0) + bytes(150)
    alias += struct.pack(">hH", 2, len(name)) + name + struct.pack(">hH", -1, 0)
    head = data[: entry - 4] + alias
    path.write_bytes(head + data[entry - 4 + struct.unpack_from(">I", data, entry - 4)[0] :])
    watch = OpenWatch(tmp_path)
    try:
        try:
            with open_clips(path, RECIPE) as stream:
                list(stream)
        except InputError:
            pass
        assert set(watch.opened()) == {"a.mov"}
    finally:
        watch.close()


def test_accepted_containers_exist_in_the_library():
    known = {name for entry in av.formats_available for name in entry.split(",")}
    assert set(CONTAINERS) <= known
