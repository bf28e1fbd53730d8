"""The graph itself: batches with bad files in them, requests that cannot be met, serialisation, hand-over."""

from __future__ import annotations

import dataclasses

import av
import numpy as np
import pytest

from videobert.base.errors import DecodeError, LimitExceeded
from videobert.model.recipe import Recipe
from videobert.video.dali_trial import failure
from videobert.video.decoders.dali.frame_index import index_frames
from videobert.video.decoders.dali.geometry import Shape, chroma_shift, geometry
from videobert.video.decoders.dali.piece import cut_piece
from videobert.video.decoders.dali.runner import ClipRequest, DaliRunner
from videobert.video.device_frames import DeviceFrames
from videobert.video.picture.orientation import UPRIGHT, Orientation
from videobert.video.picture.siting import ChromaSiting

pytestmark = pytest.mark.usefixtures("dali")

SHAPE = Shape(112, True, UPRIGHT)


@pytest.fixture
def request_of(made):
    """Clips of frames, each a list of frame numbers, from a made clip of 40 frames."""

    def ask(*clips, name="vp9.webm", codec="libvpx-vp9", size=(160, 120)):
        path = made(name, codec=codec, size=size, options={"g": "16"})
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frames = list(index_frames(container, stream))
            wanted = sorted({number for clip in clips for number in clip})
            piece = cut_piece(stream, [frames[number].reference for number in wanted])
        where = geometry(*size, "bt601", (0.0, 0.5), UPRIGHT, Recipe(), 8192)
        return ClipRequest(piece, [[wanted.index(number) for number in clip] for clip in clips], where)

    return ask


@pytest.fixture
def runner():
    made = DaliRunner(SHAPE, backend="cpu", clips=2, batch=4)
    yield made
    made.close()


def numbers(factory, result):
    return [[factory.number_of(square) for square in clip] for clip in result]


def broken(request, how):
    file = bytearray(request.piece.file)
    if how == "cut short":
        file = file[: len(file) // 2]
    elif how == "noise":
        file = bytearray(np.random.default_rng(0).bytes(5000))
    elif how == "empty":
        file = bytearray()
    elif how == "damaged":
        file[len(file) // 3 : len(file) // 2] = bytes(len(file) // 2 - len(file) // 3)
    return dataclasses.replace(request, piece=dataclasses.replace(request.piece, file=bytes(file)))


def test_a_batch_of_videos_of_several_sizes(factory, request_of, runner):
    results = runner.run(
        [
            request_of([0, 5, 5, 7], [39]),
            request_of([3], name="vp8.webm", codec="libvpx", size=(200, 120)),
            request_of([20, 21]),
            request_of([38], [12, 1]),
            request_of([17]),
        ]
    )
    expected = [[[0, 5, 5, 7], [39]], [[3]], [[20, 21]], [[38], [12, 1]], [[17]]]
    assert [numbers(factory, result) for result in results] == expected


@pytest.mark.parametrize("how", ["cut short", "noise", "empty", "damaged"])
def test_a_bad_file_costs_its_own_clips_alone(factory, request_of, runner, how):
    sound = request_of([0, 39], [7])
    results = runner.run([sound, broken(request_of([39, 2]), how), sound])
    assert isinstance(results[1], DecodeError)
    assert "\n" not in str(results[1])
    for result in (results[0], results[2]):
        assert numbers(factory, result) == [[0, 39], [7]]
    assert numbers(factory, runner.run([sound])[0]) == [[0, 39], [7]]


def test_frames_past_the_end_are_errors(factory, request_of, runner):
    sound = request_of([0, 39])
    for wanted in ([0, 40], [-1, 3]):
        beyond = dataclasses.replace(sound, piece=dataclasses.replace(sound.piece, numbers=wanted))
        good, bad = runner.run([sound, beyond])
        assert numbers(factory, good) == [[0, 39]]
        assert isinstance(bad, DecodeError)
        assert "0 to 39" in str(bad)


def test_a_piece_that_claims_more_frames_than_it_has(request_of, runner):
    """What our own check cannot see, DALI is made to refuse rather than to fill in."""
    sound = request_of([0, 39])
    claims = dataclasses.replace(sound, piece=dataclasses.replace(sound.piece, frames=60, numbers=[0, 50]))
    (result,) = runner.run([claims])
    assert isinstance(result, DecodeError)


@pytest.mark.parametrize("orders", [[], [[0]] * 3, [[]], [[0, 2]], [[-1]]], ids=str)
def test_orders_that_make_no_sense(request_of, runner, orders):
    (result,) = runner.run([dataclasses.replace(request_of([0, 39]), orders=orders)])
    assert isinstance(result, DecodeError)


@pytest.mark.parametrize("wanted", [[], [3, 3], [5, 2]], ids=str)
def test_frame_numbers_that_do_not_increase(request_of, runner, wanted):
    sound = request_of([0, 39])
    (result,) = runner.run([dataclasses.replace(sound, piece=dataclasses.replace(sound.piece, numbers=wanted))])
    assert isinstance(result, DecodeError)


def test_clips_outlive_the_next_run(factory, request_of, runner):
    (first,) = runner.run([request_of([1, 2])])
    runner.run([request_of([30, 31])])
    runner.close()
    assert numbers(factory, first) == [[1, 2]]


@pytest.mark.parametrize("backend", ["cpu", "mixed"])
@pytest.mark.parametrize("turn", [UPRIGHT, Orientation(swap=True, flip_x=True)], ids=["upright", "turned"])
def test_the_graph_is_serialised_without_cuda(backend, turn):
    from videobert.video.decoders.dali.graph import serialise

    data = serialise(Shape(112, True, turn), backend=backend)
    assert len(data) > 1000
    for name in (b"VIDEO", b"FRAMES", b"ORDER_0", b"CLIP_0"):
        assert name in data


def test_a_serialised_graph_runs(factory, request_of):
    from nvidia.dali.pipeline import Pipeline

    from videobert.video.decoders.dali.graph import serialise

    data = serialise(SHAPE, backend="cpu", batch=2, threads=1)
    graph = Pipeline.deserialize(data, batch_size=2, num_threads=1, device_id=None)
    request = request_of([4, 4, 9])
    for name, values in {
        "VIDEO": np.frombuffer(request.piece.file, np.uint8),
        "FRAMES": np.array(request.piece.numbers, np.int32),
        "ORDER_0": np.array(request.orders[0], np.int32),
        "FIRST": request.geometry.window[0],
        "LAST": request.geometry.window[1],
        "SHIFT": request.geometry.shift,
        "LUMA": request.geometry.luma,
        "CHROMA": request.geometry.chroma,
    }.items():
        graph.feed_input(name, [values])
    (clips,) = graph.run()
    assert [factory.number_of(square) for square in np.array(clips[0])] == [4, 4, 9]


class HostTensor:
    """Stands in for DALI's tensor on a GPU."""

    def __init__(self, array):
        self.array = array
        self.__cuda_array_interface__ = {"shape": array.shape, "typestr": "|u1", "data": (array.ctypes.data, False)}

    def shape(self):
        return list(self.array.shape)

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def as_cpu(self):
        return self.array


def test_frames_on_a_device_are_handed_over_without_a_copy():
    array = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    frames = DeviceFrames(HostTensor(array))
    assert (len(frames), frames.shape, frames.dtype) == (2, (2, 4, 4, 3), np.uint8)
    assert np.from_dlpack(frames).ctypes.data == array.ctypes.data
    assert frames.__cuda_array_interface__["shape"] == (2, 4, 4, 3)
    copy = frames.on_host()
    assert (copy == array).all()
    assert copy.ctypes.data != array.ctypes.data


def test_the_window_is_the_recipes_crop():
    """Against the definition: resize to 149 x 112, turn clockwise, crop the middle of 112 x 149."""
    upright = geometry(160, 120, "bt601", (0.0, 0.0), UPRIGHT, Recipe(), 8192)
    turned = geometry(160, 120, "bt601", (0.0, 0.0), Orientation(swap=True, flip_x=True), Recipe(), 8192)
    np.testing.assert_allclose(upright.window, [[0, 18 * 160 / 149], [120, 130 * 160 / 149]], rtol=1e-6)
    np.testing.assert_allclose(turned.window, [[0, 18 * 160 / 149], [120, 130 * 160 / 149]], rtol=1e-6)
    mirrored = geometry(160, 120, "bt601", (0.0, 0.0), Orientation(flip_x=True), Recipe(), 8192)
    np.testing.assert_allclose(mirrored.window, [[0, 19 * 160 / 149], [120, 131 * 160 / 149]], rtol=1e-6)
    with pytest.raises(LimitExceeded, match="long and thin"):
        geometry(5000, 10, "bt601", (0.0, 0.0), UPRIGHT, Recipe(), 8192)


def test_where_chroma_is_read():
    assert chroma_shift("yuv420p", ChromaSiting(0.0, 0.5)) == (0.0, 0.5)
    assert chroma_shift("yuv420p", ChromaSiting(0.0, 0.0)) == (0.5, 0.5)
    assert chroma_shift("yuvj420p", ChromaSiting(0.5, 0.5)) == (0.0, 0.0)
    assert chroma_shift("yuv422p", ChromaSiting(0.0, 0.5)) == (0.0, 0.5)
    assert chroma_shift("yuv444p", ChromaSiting(0.0, 0.0)) == (0.0, 0.0)


def test_matrices_leave_what_dali_gets_right_alone():
    where = geometry(160, 120, "bt601", (0.0, 0.0), UPRIGHT, Recipe(), 8192)
    np.testing.assert_allclose(where.luma + where.chroma, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(where.luma @ np.full(3, 200.0), np.full(3, 200.0), rtol=1e-5)
    np.testing.assert_allclose(where.chroma @ np.full(3, 200.0), np.zeros(3), atol=1e-4)


@pytest.mark.parametrize("codec", ["vp8", "vp9", "mjpeg"])
def test_the_probe_finds_nothing_against_what_works(codec):
    assert failure(codec, "cpu") is None


def test_the_probe_finds_a_decoder_that_counts_in_its_own_way(monkeypatch):
    run = DaliRunner.run

    def off_by_one(self, requests):
        return [[np.roll(clip, 1, axis=0) for clip in result] for result in run(self, requests)]

    monkeypatch.setattr("videobert.video.decoders.dali.decoder.DaliRunner.run", off_by_one)
    assert "other frames" in str(failure.__wrapped__("vp9", "cpu"))


def test_the_probe_knows_what_is_out_of_the_question():
    assert "does not decode" in str(failure("h264", "cpu"))
