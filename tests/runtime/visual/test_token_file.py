"""Token files: exact round trip, 3 bytes a clip, and damage found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, UsageError
from videobert.visual.token_file import is_token_file
from videobert.visual.tokens import VisualTokens


def make(count: int = 7, **changes: Any) -> VisualTokens:
    random = np.random.default_rng(count)
    fields: dict[str, Any] = {
        "first_s": 1001 / 30000,
        "last_end_s": 1001 / 30000 + 1.5 * count - 0.2,
        "percentiles": random.uniform(0, 100, count).astype(np.float32),
        "ids": random.integers(0, 65_536, count).astype(np.int32),
        "padded_frames": 4,
        "stride": 1,
        "clip_s": Fraction(3, 2),
        "model": "tiny",
        "codebook": "0" * 16,
        "clip_recipe": "1" * 16,
        "assignment": "flat",
        "engine": "openvino",
        "precision": "fp32",
    }
    return VisualTokens.on_grid(**(fields | changes))


@pytest.mark.parametrize(
    "tokens",
    [
        make(),
        make(1, percentiles=np.array([100], np.float32), ids=np.array([65_535], np.int32)),
        make(501, stride=5, clip_s=Fraction(1001, 20_000) * 30, first_s=-2.25, last_end_s=4000.0),
        make(model="façade \ud83d 中"),
    ],
    ids=["plain", "one", "ntsc stride 5", "odd name"],
)
def test_saved_tokens_come_back_exactly(tokens: VisualTokens, tmp_path: Path) -> None:
    path = tmp_path / "video.vbt"
    tokens.save(path)
    loaded = VisualTokens.load(path)
    assert loaded == tokens
    assert loaded.start_s.tobytes() == tokens.start_s.tobytes()
    assert loaded.end_s.tobytes() == tokens.end_s.tobytes()


def test_an_hour_of_video_takes_about_seven_kilobytes() -> None:
    assert 7200 <= len(make(2400).to_bytes()) <= 7700


def test_times_lie_on_the_grid_and_the_last_clip_ends_where_the_video_does() -> None:
    tokens = make(3, first_s=2.0, last_end_s=12.25, stride=3)
    np.testing.assert_array_equal(tokens.start_s, [2, 6.5, 11])
    np.testing.assert_array_equal(tokens.end_s, [3.5, 8, 12.25])


def test_a_larger_stride_picks_tokens() -> None:
    tokens = make(5)
    every_other = tokens.strided(2)
    np.testing.assert_array_equal(every_other.ids, tokens.ids[::2])
    assert (every_other.stride, every_other.padded_frames) == (2, 4)
    assert make(6).strided(2).padded_frames == 0
    assert VisualTokens.from_bytes(every_other.to_bytes()) == every_other
    for wrong in (3, 1, 6):
        with pytest.raises(InputError, match="stride"):
            every_other.strided(wrong)


def test_every_changed_byte_and_every_cut_is_noticed() -> None:
    whole = make(40).to_bytes()
    random = np.random.default_rng(0)
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << random.integers(8)
        with pytest.raises(InputError, match="token file"):
            VisualTokens.from_bytes(bytes(damaged))
        with pytest.raises(InputError, match="token file"):
            VisualTokens.from_bytes(whole[:position])
    with pytest.raises(InputError, match="token file"):
        VisualTokens.from_bytes(whole + b"\0")


def forged(**changes: Any) -> bytes:
    """A file whose checksum is right and whose header is not."""
    whole = make(4).to_bytes()
    (length,) = struct.unpack_from("<I", whole, 8)
    header = json.loads(whole[12 : 12 + length]) | changes
    text = json.dumps({key: value for key, value in header.items() if value != "gone"}).encode()
    body = whole[:8] + struct.pack("<I", len(text)) + text + whole[12 + length : -16]
    return body + hashlib.sha256(body).digest()[:16]


@pytest.mark.parametrize(
    "change",
    [
        {"count": 5},
        {"count": -1},
        {"count": 10**12},
        {"count": True},
        {"stride": 0},
        {"stride": 6},
        {"clip_s": "1/0"},
        {"clip_s": "-1"},
        {"clip_s": "x"},
        {"clip_s": "1e999999999"},
        {"clip_s": "1.5"},
        {"clip_s": " 3/2"},
        {"first_s": float("nan")},
        {"first_s": 1e300},
        {"end_s": -5.0},
        {"end_s": 4.5},
        {"end_s": float("inf")},
        {"padded_frames": -1},
        {"assignment": "guess"},
        {"model": 3},
        {"model": "gone"},
        {"more": 1},
        {"model": "x" * 5000},
    ],
    ids=str,
)
def test_a_forged_header_is_refused(change: dict[str, Any]) -> None:
    assert VisualTokens.from_bytes(forged())
    with pytest.raises(InputError, match="token file"):
        VisualTokens.from_bytes(forged(**change))


def test_a_file_that_says_f32_means_fp32() -> None:
    assert VisualTokens.from_bytes(forged(precision="f32")).precision == "fp32"


def test_a_percentile_above_100_is_refused() -> None:
    whole = bytearray(make(4).to_bytes())
    whole[-17] = 201
    body = bytes(whole[:-16])
    with pytest.raises(InputError, match="percentile"):
        VisualTokens.from_bytes(body + hashlib.sha256(body).digest()[:16])


CLIP_LENGTHS = [Fraction(16, 25), Fraction(1001, 1000), Fraction(16, 15), Fraction(1001, 600)]


@pytest.mark.parametrize("clip_s", CLIP_LENGTHS, ids=str)
@pytest.mark.parametrize("stride", [2, 3, 4, 5])
def test_tokens_of_every_clip_length_can_be_strided_and_saved(clip_s: Fraction, stride: int) -> None:
    last_end_s = 1001 / 30000 + 997 * float(clip_s) - 0.1
    every = make(997, clip_s=clip_s, last_end_s=last_end_s)
    kept = every.strided(stride)
    assert VisualTokens.from_bytes(kept.to_bytes()) == kept
    assert VisualTokens.from_bytes(every.to_bytes()).strided(stride) == kept
    if (997 - 1) % stride == 0:
        assert kept.end_s[-1] == last_end_s
    np.testing.assert_allclose(every.start_s, [1001 / 30000 + float(n * clip_s) for n in range(997)], rtol=1e-15)


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written; got .*nowhere/x\.vbt \(No such file"):
        make(4).save(tmp_path / "nowhere" / "x.vbt")


def test_tokens_that_a_file_cannot_hold_are_refused() -> None:
    tokens = make(4)
    for change in (
        {"ids": np.array([0, 1, 2, 65_536], np.int32)},
        {"percentiles": np.array([0, 1, 2, 3.25], np.float32)},
        {"start_s": np.array([0, 1, 2, 3.0])},
    ):
        with pytest.raises(InputError, match="cannot be saved exactly"):
            dataclasses.replace(tokens, **change).to_bytes()


def test_token_files_are_told_from_videos(tmp_path: Path) -> None:
    make().save(tmp_path / "a.vbt")
    (tmp_path / "a.vbt").rename(tmp_path / "renamed.bin")
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0 ftypisom")
    assert is_token_file(tmp_path / "renamed.bin")
    assert is_token_file(tmp_path / "missing.VBT")
    assert not is_token_file(tmp_path / "film.mp4")
    assert not is_token_file(tmp_path)
    assert not is_token_file(Path("a\0b"))
    with pytest.raises(InputError, match="cannot be read"):
        VisualTokens.load(tmp_path / "missing.vbt")


def test_a_failed_save_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.vbt"
    make(3).save(path)
    with pytest.raises(InputError):
        dataclasses.replace(make(4), start_s=np.zeros(4)).save(path)
    assert VisualTokens.load(path) == make(3)
    assert [file.name for file in tmp_path.iterdir()] == ["a.vbt"]


def test_cuts_are_kept_in_files_of_version_2_alone() -> None:
    plain, none, two = make(), make(cuts_s=np.zeros(0)), make(cuts_s=np.array([0.1, 2.0 / 3]))
    assert plain.to_bytes()[:8] == b"VBTOKEN\x01"
    for given in (none, two):
        content = given.to_bytes()
        assert content[:8] == b"VBTOKEN\x02"
        found = VisualTokens.from_bytes(content)
        assert found == given
        assert found.cuts_s is not None
        np.testing.assert_array_equal(found.cuts_s, given.cuts_s)
    # That nobody looked, and that nothing was found, are two things.
    assert none != plain
    assert VisualTokens.from_bytes(plain.to_bytes()).cuts_s is None


def test_cuts_of_judged_tokens_stand_behind_what_they_are_sure_of() -> None:
    judged: dict[str, Any] = {
        "percentiles": None,
        "scores": np.array([0.5, 0.25, 1.0]),
        "sure": np.array([True, False, True]),
    }
    given = make(3, **judged, ids=np.array([3, 5, 7], np.int32), cuts_s=np.array([1.5]))
    found = VisualTokens.from_bytes(given.to_bytes())
    assert found == given


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"cuts": 1}, "out of range"),
        ({"cuts": -1}, "cuts = -1"),
        ({"cuts": True}, "cuts = True"),
        ({"cuts": 10**9}, "cuts = 1000000000"),
        ({"cuts": None}, "cuts = None"),
    ],
)
def test_a_file_that_lies_about_its_cuts_is_refused(change: dict[str, object], match: str) -> None:
    content = make(cuts_s=np.array([0.5, 1.0])).to_bytes()
    with pytest.raises(InputError, match=match):
        VisualTokens.from_bytes(_with_header(content, change))


@pytest.mark.parametrize("cuts", [[1.0, 1.0], [2.0, 1.0], [np.nan, 1.0], [1.0, np.inf]])
def test_cuts_that_are_no_rising_times_are_refused(cuts: list[float]) -> None:
    with pytest.raises(UsageError, match="cuts_s"):
        make(cuts_s=np.array(cuts))
    content = make(cuts_s=np.array([0.5, 1.0])).to_bytes()[:-16]
    changed = content[: -2 * 8] + np.array(cuts, "<f8").tobytes()
    with pytest.raises(InputError, match="no rising times"):
        VisualTokens.from_bytes(changed + hashlib.sha256(changed).digest()[:16])


def test_version_1_holds_no_cuts_and_version_2_does_not_go_without() -> None:
    with_cuts, without = make(cuts_s=np.array([0.5])).to_bytes(), make().to_bytes()
    for content, magic in ((with_cuts, b"VBTOKEN\x01"), (without, b"VBTOKEN\x02"), (without, b"VBTOKEN\x03")):
        changed = magic + content[8:-16]
        with pytest.raises(InputError, match="token file"):
            VisualTokens.from_bytes(changed + hashlib.sha256(changed).digest()[:16])


def _with_header(content: bytes, change: dict[str, object]) -> bytes:
    (length,) = struct.unpack_from("<I", content, 8)
    header = json.loads(content[12 : 12 + length]) | change
    text = json.dumps(header, separators=(",", ":")).encode()
    body = content[:8] + struct.pack("<I", len(text)) + text + content[12 + length : -16]
    return body + hashlib.sha256(body).digest()[:16]
