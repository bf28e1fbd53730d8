"""Videos that are damaged or cut short: what is there is given, and what is missing is counted."""

from __future__ import annotations

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def clip(factory, tmp_path_factory):
    return factory.write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", ticks=range(20))


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


def without_packet(path, number):
    """The file's bytes with one packet of zeros."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = places[number]
    data = bytearray(path.read_bytes())
    data[start : start + size] = bytes(size)
    return bytes(data)


@pytest.mark.parametrize("threads", [1, 2, 4, 16])
@pytest.mark.parametrize("number", [-1, -3, -8, -30])
def test_no_picture_goes_missing_without_being_counted(number, threads, factory, tmp_path):
    path = factory.write_clip(
        tmp_path / "a.mp4", codec="libx264", ticks=range(75), size=(640, 360), options={"bf": "2", "g": "12"}
    )
    with open_clips(path, RECIPE, decoder_threads=threads) as stream:
        list(stream)
        assert (stream.info.frames_decoded, stream.info.damaged_packets) == (75, 0)
    with open_clips(without_packet(path, number), RECIPE, decoder_threads=threads) as stream:
        list(stream)
        info = stream.info
    assert 58 <= info.frames_decoded <= 74
    assert info.damaged_packets == 75 - info.frames_decoded
    if threads == 1:
        assert info.damaged_packets == 1


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(("codec", "options"), [("libx264", {"bf": "2"}), ("libx264", {"bf": "0"}), ("libx265", {})])
def test_what_lies_behind_an_edit_is_not_damaged(codec, options, threads, factory, tmp_path):
    """Packets that the demuxer gives and whose pictures are not to be shown."""
    path = factory.write_clip(tmp_path / "a.mp4", codec=codec, ticks=range(60), size=(640, 360), options=options)
    data = path.read_bytes()
    starts_at = int.from_bytes(data[data.index(b"elst") + 16 : data.index(b"elst") + 20], "big")
    factory.set_edit_list(path, starts_at, 1500)
    with open_clips(path, RECIPE, decoder_threads=threads) as stream:
        list(stream)
    assert stream.info.frames_decoded == 38
    assert stream.info.damaged_packets == 0


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
    monkeypatch.setattr("videobert.video.decoders.pyav.damage._DAMAGED_PACKETS_IN_A_ROW", 8)
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : data.index(b"moov") - 4] = bytes(data.index(b"moov") - 4 - start)
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="too many packets in a row"):
        open_clips(path, RECIPE)
