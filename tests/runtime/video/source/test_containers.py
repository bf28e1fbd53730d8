"""What may be opened, what is refused, and that nothing but the input is touched."""

from __future__ import annotations

import ctypes
import io
import os
import socket
import struct
import threading

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError, InputError
from videobert.model.recipe import Recipe
from videobert.video.open import is_live, open_clips
from videobert.video.source import containers as sources
from videobert.video.source.containers import CONTAINERS
from videobert.video.source.frame_array import FrameArray

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


def test_every_kind_of_source_gives_the_same_pictures(clip):
    data = clip.read_bytes()
    wanted = pictures(clip)
    with clip.open("rb") as file:
        for source in (str(clip), data, bytearray(data), memoryview(data), io.BytesIO(data), file):
            assert (pictures(source) == wanted).all()
        assert not file.closed, "the caller's file stays open"


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


def test_a_file_cut_before_its_index(clip, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clip.read_bytes()[:1500])
    with pytest.raises(DecodeError, match="cut short"):
        open_clips(path, RECIPE)


def test_a_file_cut_behind_its_index_gives_what_is_there(factory, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    path = factory.write_clip(tmp_path / "a.mp4", frames=list(noise), size=(64, 48), muxer={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_clips(path, RECIPE) as stream:
        clips = list(stream)
        assert 5 < stream.info.frames_decoded < 35
        assert stream.info.end_s < stream.info.start_s + stream.info.duration_s - 0.2
    assert clips


def test_damage_in_the_middle_is_skipped_and_counted(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ts", codec="mpeg2video", ticks=range(100), options={"bf": "0", "g": "5"})
    data = bytearray(path.read_bytes())
    start, length = len(data) * 4 // 10, len(data) // 10
    data[start : start + length] = np.random.default_rng(1).bytes(length)
    path.write_bytes(data)
    with open_clips(path, RECIPE) as stream:
        clips = list(stream)
        info = stream.info
    assert info.damaged_packets + info.damaged_frames > 0
    assert clips[-1].end_s - clips[0].start_s == pytest.approx(4.0), "time goes on across the damage"
    numbers = [factory.number_of(square) for clip in clips for square in clip.frames]
    assert numbers[:20] == [n * 25 // 20 for n in range(20)]
    assert numbers[60:80] == [n * 25 // 20 for n in range(60, 80)]


def test_a_file_of_damage_only_is_an_error(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    end = start + int.from_bytes(data[start - 8 : start - 4], "big") - 8
    data[start:end] = bytes(end - start)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(DecodeError):
        open_clips(path, RECIPE)


def test_damage_without_end_is_given_up(clip, tmp_path, monkeypatch):
    """A table may declare as many packets of nothing as a file has bytes, and each costs a try."""
    monkeypatch.setattr("videobert.video.decoders.pyav.decoder._DAMAGED_PACKETS_IN_A_ROW", 8)
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - start)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="too many packets in a row"):
        open_clips(path, RECIPE)


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


@pytest.mark.parametrize("source", [None, 3, 2.5, {}, np.zeros((3, 8, 8, 3), np.uint8), object()], ids=repr)
def test_things_that_are_no_video(source):
    with pytest.raises(InputError, match="not a video"):
        open_clips(source, RECIPE)


@pytest.mark.parametrize(
    ("frames", "times"),
    [
        (np.zeros((2, 8, 8, 3), np.float32), [0, 1]),
        (np.zeros((2, 8, 8), np.uint8), [0, 1]),
        (np.zeros((2, 8, 8, 4), np.uint8), [0, 1]),
        (np.zeros((0, 8, 8, 3), np.uint8), []),
        (np.zeros((2, 8, 8, 3), np.uint8), [0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [0, 0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [1, 0]),
        (np.zeros((2, 8, 8, 3), np.uint8), [0, np.nan]),
        (np.zeros((2, 8, 8, 3), np.uint8), ["a", "b"]),
    ],
)
def test_frame_arrays_of_the_wrong_form(frames, times):
    with pytest.raises(InputError):
        FrameArray(frames, times)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [np.zeros((8, 8, 3), np.uint8)],
        [(np.zeros((8, 8), np.uint8), 0.0)],
        [(np.zeros((8, 8, 3), np.int32), 0.0)],
        [(np.zeros((8, 8, 3), np.uint8), "soon")],
        [(np.zeros((8, 8, 3), np.uint8), float("nan"))],
        [(np.zeros((8, 8, 3), np.uint8), 0.0), (np.zeros((8, 3), np.uint8), 1.0)],
    ],
)
def test_iterators_of_the_wrong_form(items):
    with pytest.raises(InputError), open_clips(iter(items), RECIPE) as stream:
        list(stream)


def test_the_package_reads_without_a_word_on_the_terminal(clip, tmp_path, capfd):
    data = bytearray(clip.read_bytes())
    data[200:1200] = bytes(1000)
    with pytest.raises(DecodeError):
        open_clips(bytes(data), RECIPE)
    assert capfd.readouterr() == ("", "")


def test_a_buffered_pipe_is_read_as_its_bytes_come(factory, tmp_path):
    """`read` of a pipe's file object would wait for a full buffer: seconds of video, or for ever."""
    content = factory.write_clip(tmp_path / "a.ts", container="mpegts").read_bytes()
    theirs, ours = os.pipe()
    with os.fdopen(theirs, "rb") as pipe, os.fdopen(ours, "wb", buffering=0) as end:
        reader = sources._GuardedReader(pipe)
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_live(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    frame = np.zeros((8, 8, 3), np.uint8)
    live = [tmp_path / "pipe", str(tmp_path / "pipe"), os.devnull, iter([]), (pair for pair in [(frame, 0)])]
    still = [tmp_path / "file", "nowhere", tmp_path, b"", io.BytesIO(), FrameArray(frame[None], [0]), [(frame, 0)], ()]
    assert [is_live(source) for source in live] == [True] * len(live)
    assert [is_live(source) for source in still] == [False] * len(still)
