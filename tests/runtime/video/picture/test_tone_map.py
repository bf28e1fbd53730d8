"""Tone mapping against the published formulas in float64, and film that is not HDR, which it must not touch."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from videobert._native import ClipTransform, cpu_paths
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips
from videobert.video.picture.tone_map import tone_map
from videobert.video.picture.transform import PictureTransform
from videobert.video.source.frame_array import FrameArray

BUNNY = Path(__file__).parents[3] / "media" / "bigbuckbunny.mp4"
MAPPED = Recipe(version=2, transfer="tone-map-bt709", short_side=96, crop=96)
CODED = Recipe(short_side=96, crop=96)
# Numbers of ITU-T H.273.
PQ, HLG, BT709_CURVE = 16, 18, 1
BT709, BT2020, P3 = 1, 9, 12


def pq_nits(signal):
    """BT.2100-2, table 4."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = signal ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def pq_signal(nits):
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (nits / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def hlg_nits(signal):
    """BT.2100-2, table 5, `signal` `(…, 3)` in red, green and blue of BT.2020."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return 1000 * luminance[..., None] ** 0.2 * scene


def rolled_off(nits):
    """BT.2390, 5.4.1, from 1000 to 203 cd/m2, black at zero."""
    white, room = pq_signal(1000.0), pq_signal(203.0) / pq_signal(1000.0)
    knee = 1.5 * room - 0.5
    e1 = pq_signal(np.minimum(nits, 1000)) / white
    t = (e1 - knee) / (1 - knee)
    p = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * room
    return pq_nits(np.where(e1 < knee, e1, p) * white)


# BT.2407, 2.2: BT.2020 to BT.709.
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def shown(nits, to_bt709=TO_BT709):
    """uint8-like codes, not rounded."""
    nits = np.minimum(nits, 1000)
    peak = nits.max(axis=-1, keepdims=True)
    light = nits * np.where(peak > 0, rolled_off(peak) / np.maximum(peak, 1e-9), 1) / 203
    return 255 * np.clip(light @ to_bt709.T, 0, 1) ** (1 / 2.4)


def frame_of(signal, curve, primaries):
    """A frame of 16-bit RGB: nothing stands between the signal and the tone map."""
    frame = VideoFrame.from_ndarray(np.round(signal * 65_535).astype(np.uint16), "rgb48le")
    frame.color_trc, frame.color_primaries = curve, primaries
    return frame


def signals(seed=0):
    """`(96, 96, 3)`: colours of every kind, greys in the first rows, as 16 bits hold them."""
    signal = np.random.default_rng(seed).random((96, 96, 3))
    signal[:4] = np.linspace(0, 1, 4 * 96).reshape(4, 96, 1)
    return np.round(signal * 65_535) / 65_535


@pytest.mark.parametrize(("curve", "nits_of"), [(PQ, pq_nits), (HLG, hlg_nits)])
def test_colours_are_those_of_the_published_formulas(curve, nits_of):
    signal = signals()
    got = PictureTransform(MAPPED, 8192)(frame_of(signal, curve, BT2020))
    wanted = shown(nits_of(signal))
    # A power of 1/2.4 near zero makes much of a coefficient that BT.2407 rounds to four places.
    assert np.abs(got - wanted)[wanted > 20].max() < 0.5 + 0.25
    assert np.abs(got - wanted).max() < 6
    assert np.abs(got - wanted).mean() < 0.2


@pytest.mark.parametrize(
    ("curve", "signal", "nits"),
    # BT.2408: diffuse white, 18 % grey by PQ; the peak; BT.2100: half of HLG's signal.
    [(HLG, 0.75, 203), (PQ, 0.58, 203), (PQ, 0.38, 26), (HLG, 0.38, 26), (HLG, 1.0, 1000), (HLG, 0.5, 50.6)],
)
def test_greys_come_out_as_light_of_so_many_nits(curve, signal, nits):
    got = PictureTransform(MAPPED, 8192)(frame_of(np.full((96, 96, 3), signal), curve, BT2020))
    assert (got == got[0, 0]).all()
    wanted = shown(np.full(3, float(nits)))
    assert np.abs(got[0, 0] - wanted).max() < 1.5
    assert (got[0, 0] == 255).all() == (nits == 1000)


def test_what_is_below_the_knee_keeps_its_light():
    """So a film without highlights looks as its version for BT.709 does."""
    light = np.array([0.02, 0.1, 0.3, 0.4])
    signal = pq_signal(203 * light)
    picture = np.broadcast_to(signal[None, :, None], (96, 4, 3)).repeat(24, axis=1)
    got = PictureTransform(MAPPED, 8192)(frame_of(picture, PQ, BT2020))[0, ::24, 0]
    assert np.abs(got - 255 * light ** (1 / 2.4)).max() < 0.6


def test_primaries_are_the_stream_s_own():
    signal = signals()
    as_bt709 = PictureTransform(MAPPED, 8192)(frame_of(signal, PQ, BT709))
    wanted = shown(pq_nits(signal), np.eye(3))
    assert np.abs(as_bt709 - wanted).max() < 0.75
    red = np.zeros((96, 96, 3))
    red[..., 0] = pq_signal(50.0)
    found = {p: PictureTransform(MAPPED, 8192)(frame_of(red, PQ, p))[0, 0] for p in (BT709, BT2020, P3, 2)}
    assert found[BT709][0] < found[P3][0] < found[BT2020][0]
    # Untagged: what HDR film has.
    assert (found[2] == found[BT2020]).all()


def test_what_is_coded_is_used_as_it_is_where_the_recipe_says_so():
    signal = signals()
    got = PictureTransform(CODED, 8192)(frame_of(signal, PQ, BT2020))
    assert np.abs(got - 255 * signal).max() < 0.6
    assert PictureTransform(CODED, 8192).adjusted == ()


@pytest.mark.parametrize("turn", [(False, False, False), (True, True, False)])
@pytest.mark.parametrize("side", [1, 7, 33, 112])
def test_every_path_gives_the_same_bytes(turn, side):
    picture = np.random.default_rng(side).integers(0, 1024, (3, 130, 150), np.uint16)
    found = []
    for path in cpu_paths():
        transform = ClipTransform(
            components=[(plane, 0, 1, 150, 130, 0.5, 0.5) for plane in range(3)],
            bits=10,
            resized=(150, 130),
            crop=(side, side),
            turn=turn,
            colour=[[255 / 1023 * (row == column) for column in range(3)] + [0.0] for row in range(3)],
            path=path,
            tone_map=tone_map("hlg", BT2020),
        )
        square = np.zeros((side, side, 3), np.uint8)
        transform([plane.tobytes() for plane in picture], [300] * 3, square)
        found.append(square)
    assert found[0].any()
    assert all((square == found[0]).all() for square in found)


@pytest.mark.parametrize("place", [0, 2, 3, 5])
def test_tables_of_another_size_are_refused(place):
    tables = list(tone_map("pq", BT2020))
    tables[place] = tables[place][:-1]
    with pytest.raises(ValueError, match="another size"):
        ClipTransform(
            components=[(0, 0, 1, 8, 8, 0.5, 0.5)],
            bits=8,
            resized=(8, 8),
            crop=(8, 8),
            turn=(False, False, False),
            colour=[[1.0, 0, 0, 0]] * 3,
            tone_map=tuple(tables),
        )


@pytest.mark.parametrize(("curve", "name", "nits_of"), [(HLG, "hlg", hlg_nits), (PQ, "pq", pq_nits)])
def test_a_phone_s_film_is_mapped(tmp_path, curve, name, nits_of):
    """HEVC in 10 bits, BT.2020: four patches, far enough apart that filters leave their middles alone."""
    patches = np.array([[[0.3, 0.3, 0.3], [0.55, 0.4, 0.35]], [[0.35, 0.5, 0.45], [0.7, 0.7, 0.68]]])
    path = tmp_path / "a.mp4"
    write_hdr(path, patches.repeat(96, 0).repeat(96, 1), curve)
    with open_clips(path, MAPPED.replace(frames=2, fps=Fraction(25))) as stream:
        square = next(stream).frames[0]
        assert stream.info.adjusted == (f"{name} to bt709",)
        assert (stream.info.pixel_format, stream.info.matrix) == ("yuv420p10le", "bt2020")
    got = square[24::48, 24::48].astype(float)
    assert np.abs(got - shown(nits_of(patches))).max() < 3
    with open_clips(path, CODED.replace(frames=2, fps=Fraction(25))) as stream:
        assert np.abs(next(stream).frames[0][24::48, 24::48] - 255 * patches).max() < 3
        assert stream.info.adjusted == ()


def write_hdr(path, signal, curve):
    kr, kb = 0.2627, 0.0593
    luma = signal @ np.array([kr, 1 - kr - kb, kb])
    blue, red = (signal[..., 2] - luma) / (2 * (1 - kb)), (signal[..., 0] - luma) / (2 * (1 - kr))
    planes = 64 + 876 * luma, *(512 + 896 * part[::2, ::2] for part in (blue, red))
    name = "smpte2084" if curve == PQ else "arib-std-b67"
    quiet = f"log-level=none:colorprim=bt2020:colormatrix=bt2020nc:transfer={name}"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx265", rate=25, options={"crf": "4", "x265-params": quiet})
        stream.width, stream.height, stream.pix_fmt = *signal.shape[1::-1], "yuv420p10le"
        for number in range(4):
            frame = VideoFrame(*signal.shape[1::-1], "yuv420p10le")
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                rows[:, : plane.width] = np.round(values)
                plane.update(rows.tobytes())
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def test_film_that_is_not_hdr_stays_bit_for_bit():
    clips = []
    for recipe in (Recipe(), Recipe(version=2, fields="top", sample_aspect="apply", transfer="tone-map-bt709")):
        with open_clips(BUNNY, recipe) as stream:
            clips.append([clip.frames for clip in stream])
            assert stream.info.adjusted == ()
    assert len(clips[0]) == len(clips[1]) > 1
    assert all((a == b).all() for a, b in zip(*clips, strict=True))


def test_a_curve_of_bt709_with_wide_primaries_is_not_hdr():
    signal = signals()
    frames = [frame_of(signal, BT709_CURVE, BT2020) for _ in range(2)]
    squares = [PictureTransform(recipe, 8192)(frame) for recipe, frame in zip((CODED, MAPPED), frames, strict=True)]
    assert (squares[0] == squares[1]).all()


def test_numpy_frames_are_rgb_already():
    frames = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), np.uint8)
    clips = []
    for recipe in (CODED, MAPPED.replace(fields="top", sample_aspect="apply")):
        with open_clips(FrameArray(frames, np.arange(4) / 20), recipe.replace(frames=4)) as stream:
            clips.append(next(stream).frames)
            assert stream.info.adjusted == ()
    assert (clips[0] == clips[1]).all()
