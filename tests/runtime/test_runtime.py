"""A whole model on a real engine: tokens that depend on nothing but the frames, threads, cancelling."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.small_model import mp4

import videobert
from videobert.base.errors import Cancelled, InputError, LimitExceeded, MismatchError, UsageError
from videobert.base.limits import Limits
from videobert.engines.base import Hint
from videobert.engines.openvino_engine import cpu_features
from videobert.model.precision import Precision
from videobert.pipeline.opened import OpenedModel
from videobert.results.as_json import to_json
from videobert.results.origin import TokensFrom
from videobert.runtime import Runtime, load
from videobert.video.decoders.decoder_threads import MeasuredThreads
from videobert.video.decoders.pyav.decoder import PyAvDecoder
from videobert.video.source.frame_array import FrameArray

MakeVideo = Callable[..., FrameArray]


@pytest.fixture(scope="module")
def video(make_video: MakeVideo) -> FrameArray:
    return make_video(20, seed=1)


def live(video: FrameArray) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
    return zip(video.frames, video.times_s.tolist(), strict=True)


def test_a_video_gives_one_token_for_each_clip_with_its_times(model: Runtime, video: FrameArray) -> None:
    tokens = model.tokens(video)
    assert len(tokens) == 14
    np.testing.assert_allclose(tokens.start_s, 1.5 * np.arange(14))
    np.testing.assert_allclose(tokens.end_s[[0, -2, -1]], [1.5, 19.5, 20])
    assert tokens.padded_frames == 10
    assert len(set(tokens.ids.tolist())) >= 5
    assert (tokens.model, tokens.engine, tokens.precision, tokens.stride) == ("tiny", "openvino", "fp32", 1)
    assert (tokens.codebook, tokens.clip_recipe) == (model.codebook.hash, model.recipe.clip_hash)
    assert (tokens.percentiles >= 0).all()
    assert (tokens.percentiles <= 100).all()


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def rounding(request: pytest.FixtureRequest, model: Runtime, model_folder: Path, cache_dir: Path) -> Iterator[Runtime]:
    """The model in each precision that this CPU has."""
    if request.param == "fp32":
        yield model
        return
    features = cpu_features()
    if not (features.get("amx_bf16") or features.get("avx512_bf16")):
        pytest.skip("this CPU has no bf16 arithmetic")
    with load(model_folder, cache_dir=cache_dir, precision=request.param) as other:
        yield other


def test_identical_frames_give_identical_tokens_whatever_the_neighbours(
    rounding: Runtime, video: FrameArray, make_video: MakeVideo
) -> None:
    model = rounding
    whole = model.tokens(video)
    other = make_video(9, seed=50)
    # Clips 4 to 7 alone, then between other clips.
    alone = FrameArray(video.frames[60:120], video.times_s[60:120])
    np.testing.assert_array_equal(model.tokens(alone).ids, whole.ids[4:8])
    mixed = np.concatenate([other.frames[:45], alone.frames, other.frames[45:]])
    found = model.tokens(FrameArray(mixed, np.arange(len(mixed)) / 10))
    np.testing.assert_array_equal(found.ids[3:7], whole.ids[4:8])
    np.testing.assert_array_equal(found.percentiles[3:7], whole.percentiles[4:8])


def test_streams_and_threads_do_not_change_tokens(
    model: Runtime, model_folder: Path, cache_dir: Path, video: FrameArray
) -> None:
    for options in ({"hint": "throughput"}, {"threads": 1}):
        with load(model_folder, cache_dir=cache_dir, precision="fp32", **options) as other:  # type: ignore[arg-type]
            assert other.tokens(video) == model.tokens(video)


@pytest.fixture(scope="module")
def large(factory: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for FFmpeg to decode in threads."""
    path: Path = factory.write_clip(tmp_path_factory.mktemp("large") / "a.mp4", size=(640, 360), ticks=range(90))
    return path


@pytest.mark.parametrize("number", [1, 2])
def test_the_number_of_decoder_threads_does_not_change_answers(
    number: int, model: Runtime, model_folder: Path, cache_dir: Path, large: Path
) -> None:
    with load(model_folder, cache_dir=cache_dir, precision="fp32", decoder_threads=number) as other:
        assert other.tokens(large) == model.tokens(large)
        assert to_json(other.summarize(large)) == to_json(model.summarize(large))


def test_as_many_threads_decode_as_the_model_was_loaded_for(
    model_folder: Path, cache_dir: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    init = PyAvDecoder.__init__

    def kept(self: PyAvDecoder, *arguments: Any, **options: Any) -> None:
        asked.append(options["decoder_threads"])
        init(self, *arguments, **options)

    monkeypatch.setattr(PyAvDecoder, "__init__", kept)
    with load(model_folder, cache_dir=cache_dir, precision="fp32", decoder_threads=3) as other:
        other.tokens(large)
        other.tokens(large, stride=2)
        other.summarize(large)
    assert len(asked) >= 3
    assert set(asked) == {3}


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({"threads": 1, "decoder_threads": 2}, '1 with 1 thread, or "measured"'),
        ({"threads": 2, "decoder_threads": 2}, '1 with 2 threads, or "measured"'),
        ({"threads": 4, "decoder_threads": 4}, '1 to 3 with 4 threads, or "measured"'),
        ({"decoder_threads": 17}, '1 to 16, or "measured"'),
    ],
    ids=str,
)
def test_more_decoder_threads_than_may_be_are_refused(
    options: dict[str, int], allowed: str, model_folder: Path, cache_dir: Path
) -> None:
    with pytest.raises(UsageError, match="number of threads that decode is out of range") as caught:
        load(model_folder, cache_dir=cache_dir, **options)  # type: ignore[arg-type]
    assert (caught.value.seen, caught.value.allowed) == (options["decoder_threads"], allowed)
    assert str(caught.value.fix).startswith("Leave it out")


def test_clips_at_a_time_share_the_threads_with_the_decoder(model_folder: Path, cache_dir: Path) -> None:
    options: dict[str, Any] = {"cache_dir": cache_dir, "precision": "fp32", "hint": "throughput"}
    with load(model_folder, threads=8, **options) as model:
        clips = model._opened.engine.parallel
    most = max(1, 8 // clips - 1)
    load(model_folder, threads=8, decoder_threads=most, **options).close()
    if clips > 1:
        with pytest.raises(UsageError, match=f"with 8 threads for {clips} clips at a time"):
            load(model_folder, threads=8, decoder_threads=most + 1, **options)


def test_what_is_asked_for_holds_where_the_environment_grants_less(
    model_folder: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with load(model_folder, cache_dir=cache_dir, precision="fp32", decoder_threads=2) as model:
        assert model.decoder_threads == 2


def test_measured_decoder_threads_are_told_and_change_no_answer(
    model: Runtime, model_folder: Path, cache_dir: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.decoder_threads is None
    found = MeasuredThreads(threads=1, pixels=640 * 360)
    monkeypatch.setattr("videobert.pipeline.measured_threads.measured_threads", lambda opened, cache: found)
    with load(model_folder, cache_dir=cache_dir, precision="fp32", decoder_threads="measured") as other:
        assert other.decoder_threads == found
        assert other.tokens(large) == model.tokens(large)


def test_what_fails_while_it_is_measured_leaves_nothing_open(
    model_folder: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[OpenedModel] = []

    def interrupted(opened: OpenedModel, cache: Path | None) -> None:
        measured.append(opened)
        raise KeyboardInterrupt

    monkeypatch.setattr("videobert.pipeline.measured_threads.measured_threads", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(model_folder, cache_dir=cache_dir, decoder_threads="measured")
    (opened,) = measured
    with pytest.raises(InputError, match="closed"):
        opened.engine.prepare()
    with pytest.raises(RuntimeError, match="shutdown"):
        opened.feature(np.zeros((1, 1, 1, 3), np.uint8))


@pytest.mark.modeling
def test_the_torch_engine_finds_the_same_tokens(
    model: Runtime, model_folder: Path, cache_dir: Path, video: FrameArray
) -> None:
    with load(model_folder, engine="torch", cache_dir=cache_dir) as reference:
        np.testing.assert_array_equal(reference.tokens(video).ids, model.tokens(video).ids)
        ours, theirs = (m.embed(video, "red square").vector for m in (model, reference))
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
        assert reference.origin.engine == "torch"


def test_every_source_of_the_same_video_gives_the_same_tokens(
    model: Runtime, video: FrameArray, tmp_path: Path
) -> None:
    assert model.tokens(live(video)) == model.tokens(video)
    content = mp4(video)
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    sources: list[Any] = [str(path), path, content, bytearray(content), io.BytesIO(content)]
    found = [model.tokens(source) for source in sources]
    assert all(tokens == found[0] for tokens in found)
    report = model.run(path)
    assert (report.source, report.video["codec"]) == ("film.mp4", "h264")


def test_stride_picks_clips_and_saved_tokens_can_be_picked_from(model: Runtime, video: FrameArray) -> None:
    tokens = model.tokens(video)
    sparse = model.tokens(video, stride=3)
    np.testing.assert_array_equal(sparse.ids, tokens.ids[::3])
    np.testing.assert_allclose(sparse.start_s, tokens.start_s[::3])
    np.testing.assert_array_equal(model.tokens(tokens, stride=3).ids, sparse.ids)
    origin = model.align(tokens, "red", stride=3).origin
    assert (origin.stride, origin.recipe) == (3, model.recipe.replace(stride=3).hash)


def test_every_verb_reads_the_track_asked_for(model: Runtime, video: FrameArray, make_video: MakeVideo) -> None:
    other = make_video(6, seed=2)
    both = mp4(video, other)
    expected = [model.tokens(mp4(film)).ids.tolist() for film in (video, other)]
    assert [model.tokens(both, track=track).ids.tolist() for track in (None, 0, 1)] == [expected[0], *expected]
    report = to_json(model.run(both, track=1))
    assert (report["video"]["track"], report["video"]["tracks"]) == (1, 2)
    read = [
        model.run(both, track=1).segments[-1].end_s,
        model.align(both, "red", track=1).windows[-1].end_s,
        model.classify(both, ["red", "blue"], ["a [MASK] circle"], track=1).segments[-1].end_s,
        model.fill("a [MASK]", both, [3], track=1).filled[-1].end_s,
    ]
    assert read == [pytest.approx(6.0)] * 4
    np.testing.assert_array_equal(model.embed(both, track=1).vector, model.embed(mp4(other)).vector)
    with_a_wrong_number: list[Callable[[], Any]] = [
        lambda: model.tokens(both, track=2),
        lambda: model.run(both, track=2),
        lambda: model.embed(both, track=2),
        lambda: model.align(both, "red", track=2),
        lambda: model.fill("a [MASK]", both, track=2),
        lambda: model.classify(both, ["red", "blue"], ["a [MASK] circle"], track=2),
    ]
    for verb in with_a_wrong_number:
        with pytest.raises(InputError, match="no video track with that number"):
            verb()
    with pytest.raises(MismatchError, match="saved tokens have no tracks"):
        model.align(model.tokens(both), "red", track=0)
    for answer in (model.tokens(both), model.run(both), model.embed(both), model.align(model.tokens(both), "red")):
        assert answer.origin is not None
        assert (answer.origin.track, answer.origin.tracks) == (0, 2)
    assert model.embed(both, track=1).origin.track == 1


def test_an_answer_says_which_frames_it_leaves_out(model: Runtime, video: FrameArray) -> None:
    times = video.times_s.copy()
    times[20] += 1000
    answers = [
        model.tokens(zip(video.frames, times, strict=True)),
        model.align(zip(video.frames, times, strict=True), "red"),
        model.run(zip(video.frames, times, strict=True)),
    ]
    for answer in answers:
        assert answer.origin is not None
        assert (answer.origin.frames_left_out, answer.origin.stills_cut, answer.origin.tracks) == (1, None, None)
    assert model.embed(text="red").origin.frames_left_out is None


def test_an_answer_says_which_model_and_what_made_its_tokens(
    model: Runtime, model_folder: Path, video: FrameArray, tmp_path: Path
) -> None:
    origin = model.embed(text="red").origin
    assert origin == model.origin
    assert origin.weights == hashlib.sha256((model_folder / "manifest.json").read_bytes()).hexdigest()[:16]
    assert origin.videobert == videobert.__version__
    assert (origin.decoder, origin.assignment, origin.tokens_from) == (None, None, None)
    from_arrays = model.align(video, "red").origin
    assert (from_arrays.decoder, from_arrays.assignment, from_arrays.tokens_from) == (None, "flat", None)
    tokens = model.tokens(mp4(video), assignment="tree")
    made = tokens.origin
    assert made is not None
    assert (made.decoder, made.assignment, made.tokens_from) == ("pyav", "tree", None)
    foreign = dataclasses.replace(tokens, engine="torch", precision="bf16")
    wanted = dataclasses.replace(made, tokens_from=TokensFrom(engine="torch", precision="bf16"))
    assert model.run(foreign).origin == wanted
    foreign.save(tmp_path / "a.vbt")
    assert model.run(tmp_path / "a.vbt").origin == dataclasses.replace(wanted, decoder=None)


def test_tokens_as_json_have_numbers_and_an_origin(model: Runtime, video: FrameArray) -> None:
    tokens = model.tokens(video)
    fields = to_json(tokens)
    assert (fields["clip_s"], fields["clip_s_exact"]) == (1.5, "3/2")
    assert fields["origin"] == to_json(model.origin) | {"assignment": "flat"}
    assert (fields["percentile"], fields["out_of_domain"]) == (float(np.median(tokens.percentiles)), False)
    every_other = tokens.strided(2)
    assert (every_other.percentile, every_other.out_of_domain, every_other.origin) == (None, None, None)


def test_tree_assignment_is_there_for_those_who_ask(model: Runtime, video: FrameArray, make_video: MakeVideo) -> None:
    same = []
    for seed in range(6):
        film = make_video(20, seed=seed)
        tree, flat = model.tokens(film, assignment="tree"), model.tokens(film)
        assert (tree.assignment, flat.assignment) == ("tree", "flat")
        same += list(tree.ids == flat.ids)
    assert 0.5 <= np.mean(same) < 1
    with pytest.raises(InputError, match="flat"):
        model.tokens(video, assignment="best")  # type: ignore[arg-type]


def test_special_words_in_user_text_change_nothing_but_their_own_pieces(model: Runtime, video: FrameArray) -> None:
    """If `[SEP]` or a visual token could be injected, the text would end or the video change."""
    tokens = model.tokens(video)
    plain = model.embed(tokens, "red").vector
    for text in ("red [SEP]", "red [CLS]", "red [MASK]", "red [PAD]"):
        spelled = text.replace("[", "[ ").replace("]", " ]")
        np.testing.assert_array_equal(model.embed(tokens, text).vector, model.embed(tokens, spelled).vector)
        assert not np.array_equal(model.embed(tokens, text).vector, plain)
    assert len(model.fill("[CLS] a [MASK] [SEP]", tokens).filled) == 1


def test_run_reports_thumbnails_times_and_timings(model: Runtime, video: FrameArray) -> None:
    report = model.run(video)
    assert report.segments[0].start_s == 0
    assert report.segments[-1].end_s == pytest.approx(20)
    assert all(a.end_s == pytest.approx(b.start_s) for a, b in zip(report.segments, report.segments[1:], strict=False))
    assert [t for s in report.segments for t in s.tokens] == model.tokens(video).ids.tolist()
    for segment in report.segments:
        assert segment.thumbnail is not None
        assert segment.thumbnail.shape == (48, 48, 3)
        assert segment.thumbnail.base is None
        assert [candidate.text for candidate in segment.answers["colour"]] != []
    assert set(report.timings_s) == {"decode", "backbone", "assign", "encode", "total"}
    assert all(value > 0 for value in report.timings_s.values())
    text = json.dumps(to_json(report), allow_nan=False)
    assert "thumbnail" not in text
    assert '"stills":' not in text  # other than the count of stills_cut
    times_s = [still.time_s for still in report.stills]
    assert times_s == sorted(set(times_s))
    assert len(report.segments) < len(times_s) <= 48
    assert 0 <= times_s[0] < 1 < 19 < times_s[-1] < 20
    assert all(still.picture.shape == (48, 48, 3) and still.picture.base is None for still in report.stills)


@pytest.mark.parametrize(("hint", "precision"), [("latency", "fp32"), ("throughput", "auto")])
def test_sixteen_threads_on_one_model_get_what_one_gets(
    hint: Hint, precision: Precision, model_folder: Path, cache_dir: Path, make_video: MakeVideo, tmp_path: Path
) -> None:
    films = [make_video(3 + seed, seed) for seed in range(3)]
    with load(model_folder, cache_dir=cache_dir, hint=hint, precision=precision) as model:
        (tmp_path / "film.mp4").write_bytes(mp4(films[1]))
        model.tokens(films[2]).save(tmp_path / "film.vbt")
        videos: list[Any] = [films[0], tmp_path / "film.mp4", tmp_path / "film.vbt"]
        verbs: list[Callable[[Any], Any]] = [
            model.tokens,
            model.run,
            lambda video: model.embed(video, "red square"),
            lambda video: model.fill("a [MASK] square", video, [1]),
            lambda video: model.classify(video, question="colour"),
            lambda video: model.align(video, "red square"),
        ]

        def work(job: tuple[Callable[[Any], Any], Any]) -> Any:
            verb, video = job
            answer = to_json(verb(video))
            answer.pop("timings_s", None)
            return answer

        jobs = [(verb, video) for video in videos for verb in verbs] * 2
        serial = [work(job) for job in jobs[: len(jobs) // 2]] * 2
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(work, jobs)) == serial


def test_progress_rises_to_the_end(model: Runtime, video: FrameArray) -> None:
    seen: list[tuple[float, float | None]] = []
    model.tokens(video, on_progress=lambda done, total: seen.append((done, total)))
    done = [value for value, _ in seen]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(20)


def test_cancelling_stops_a_verb_and_leaves_the_model_usable(model: Runtime, video: FrameArray) -> None:
    for verb in (model.tokens, model.embed, model.run):
        cancel = threading.Event()
        calls = 0

        def stop(done_s: float, total_s: float | None, cancel: threading.Event = cancel) -> None:
            nonlocal calls
            calls += 1
            if done_s > 4:
                cancel.set()

        with pytest.raises(Cancelled):
            verb(video, on_progress=stop, cancel=cancel)
        assert calls < 10
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        model.classify(model.tokens(video), question="colour", cancel=cancel)
    assert len(model.tokens(video)) == 14


def test_cancelling_endless_live_input_from_another_thread(model: Runtime, make_video: MakeVideo) -> None:
    frames = make_video(3, seed=1).frames

    def endless() -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
        index = 0
        while True:
            yield frames[index % len(frames)], index / 10
            index += 1

    cancel = threading.Event()
    timer = threading.Timer(0.3, cancel.set)
    timer.start()
    with pytest.raises(Cancelled):
        model.tokens(endless(), cancel=cancel)
    timer.join()


def test_limits_reach_the_video_and_the_text(model_folder: Path, cache_dir: Path, video: FrameArray) -> None:
    limits = Limits(max_duration_s=10, max_text_chars=20)
    with load(model_folder, cache_dir=cache_dir, limits=limits) as model:
        with pytest.raises(LimitExceeded, match="max_duration_s"):
            model.tokens(video)
        with pytest.raises(LimitExceeded, match="max_text_chars"):
            model.embed(text="x" * 21)


@pytest.mark.parametrize("source", [5, None, np.zeros((3, 8, 8, 3), np.uint8), b"", b"not a video", "https://a/b.mp4"])
def test_what_is_not_a_video_is_an_input_error(model: Runtime, source: Any) -> None:
    with pytest.raises(InputError):
        model.tokens(source)
