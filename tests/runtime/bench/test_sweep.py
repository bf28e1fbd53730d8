"""Sweeps: what may be swept, and a setting that cannot run among those that can."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from videobert.base.errors import UsageError
from videobert.bench.film import write_generated_film
from videobert.bench.film_length import film_of_length
from videobert.bench.measure import Case
from videobert.bench.sweep import parse_sweep, sweep
from videobert.results.bench import SweepPoint
from videobert.runtime import load


def _no_film(seconds: int) -> Path:
    raise AssertionError(seconds)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "a.mp4"
    write_generated_film(path, width=64, height=64, seconds=5, fps=20)
    return path


def test_names_and_values_are_read() -> None:
    assert parse_sweep(["threads=1,2", "precision=fp32, bf16"]) == {"threads": [1, 2], "precision": ["fp32", "bf16"]}
    assert parse_sweep(["decoder_threads=1,2"]) == {"decoder_threads": [1, 2]}
    assert parse_sweep(["batch=1,8", "hint=latency,throughput"]) == {"batch": [1, 8], "hint": ["latency", "throughput"]}
    assert parse_sweep(["length=10, 60", "stride=1"]) == {"length": [10, 60], "stride": [1]}
    assert parse_sweep([]) == {}


@pytest.mark.parametrize(
    "asked",
    [
        "threads",
        "threads=",
        "colour=red",
        "threads=many",
        "decoder_threads=many",
        "=1",
        "length=0",
        "length=3601",
        "batch=0",
        "batch=65",
    ],
)
def test_what_cannot_be_swept_is_refused(asked: str) -> None:
    with pytest.raises(UsageError):
        parse_sweep([asked])


@pytest.mark.parametrize(
    ("asked", "seen", "allowed"),
    [
        ("precision=fp32,fp64", "fp64", "auto, fp32, bf16, exact, int8"),
        ("engine=openvino,abacus", "abacus", "auto, openvino, tensorrt, torch"),
        ("hint=speed", "speed", "latency, throughput"),
        ("decoder_threads=1,20", 20, "1 to 16"),
        ("decoder_threads=0", 0, "1 to 16"),
        ("decoder_threads=1,measured", "measured", "1 to 16"),
        ("threads=1,0", 0, "1 or more"),
        ("stride=5,6", 6, "1 to 5"),
        ("stride=0", 0, "1 to 5"),
    ],
)
def test_a_value_that_no_machine_can_have_is_refused(asked: str, seen: object, allowed: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_sweep([asked])
    assert (caught.value.seen, caught.value.allowed) == (seen, allowed)
    assert "--sweep" in str(caught.value.fix_cli) or seen == "measured"


def test_the_number_of_decoder_threads_that_is_measured_has_a_place_of_its_own() -> None:
    with pytest.raises(UsageError, match=r'compares numbers.*load\(decoder_threads="measured"\)') as caught:
        parse_sweep(["decoder_threads=measured"])
    assert caught.value.fix_cli == "Leave it out: --decoder-threads measured finds the number that is fastest here."


@pytest.mark.parametrize("beside", ["stride=1,2", "length=2", "decoder_threads=1"])
def test_a_batch_stands_beside_nothing_that_it_does_not_see(beside: str) -> None:
    with pytest.raises(UsageError, match="the backbone alone"):
        parse_sweep(["batch=1,2", beside])


def test_too_many_settings_are_refused() -> None:
    numbers = ",".join(map(str, range(1, 8)))
    with pytest.raises(UsageError, match="too many"):
        parse_sweep([f"threads={numbers}", "stride=1,2,3,4,5"])


def test_a_setting_that_cannot_run_says_so_and_the_rest_goes_on(
    model_folder: Path, cache_dir: Path, tmp_path: Path
) -> None:
    film = tmp_path / "a.mp4"
    write_generated_film(film, width=64, height=64, seconds=2, fps=20)
    told: list[str] = []
    case = Case(verb="tokens", video=film, runs=3, reading={"stride": None, "track": None})
    points = list(
        sweep(
            model_folder,
            case,
            {"cache_dir": cache_dir, "precision": "fp32"},
            parse_sweep(["engine=openvino,tensorrt"]),
            seconds=2.0,
            film_of=_no_film,
            told=told.append,
        )
    )
    assert told == ["engine openvino", "engine tensorrt"]
    good, bad = points
    assert (good.same_answers, good.error) == (1.0, None)
    assert good.answer is not None
    assert good.times_real_time == pytest.approx(2.0 / good.answer.p50)
    assert bad.answer is None
    assert bad.error


def swept(model_folder: Path, cache_dir: Path, film: Path, asked: list[str], folder: Path) -> list[SweepPoint]:
    case = Case(verb="features", video=film, runs=3, reading={"stride": None, "track": None})
    film_of = partial(film_of_length, film, folder=folder, track=None, limits=None, told=lambda doing: None)
    options = {"cache_dir": cache_dir, "precision": "fp32"}
    return list(
        sweep(
            model_folder,
            case,
            options,
            parse_sweep(asked),
            seconds=5.0,
            film_of=film_of,
            told=lambda doing: None,
        )
    )


def test_a_length_is_the_beginning_of_the_film(model_folder: Path, cache_dir: Path, film: Path, tmp_path: Path) -> None:
    short, long, too_long = swept(model_folder, cache_dir, film, ["length=2,4,9"], tmp_path)
    for point, seconds in ((short, 2), (long, 4)):
        assert point.setting == {"length": seconds}
        assert point.answer is not None
        assert point.times_real_time == pytest.approx(seconds / point.answer.p50)
        assert (point.same_answers, point.error, point.note) == (None, None, None)
    assert too_long.answer is None
    assert too_long.error is not None
    assert "outside the video" in too_long.error
    with load(model_folder, cache_dir=cache_dir, precision="fp32") as model:
        whole, cut = model.features(film), model.features(tmp_path / "a 4 s.mkv")
    # Pictures are copied, so the clips are the same; the last one of the cut ends where nothing follows.
    assert len(cut) == 3
    assert np.array_equal(cut.features[:2], whole.features[:2])


def test_a_number_of_decoder_threads_that_other_threads_leave_no_room_for_says_so(
    model_folder: Path, cache_dir: Path, film: Path, tmp_path: Path
) -> None:
    good, bad = swept(model_folder, cache_dir, film, ["threads=2", "decoder_threads=1,2"], tmp_path)
    assert (good.setting, good.error, good.same_answers) == ({"threads": 2, "decoder_threads": 1}, None, 1.0)
    assert bad.error is not None
    assert "threads that decode is out of range" in bad.error


def test_a_batch_gives_the_features_of_single_clips(
    model_folder: Path, cache_dir: Path, film: Path, tmp_path: Path
) -> None:
    one, five = swept(model_folder, cache_dir, film, ["batch=1,5"], tmp_path)
    assert (one.setting, five.setting) == ({"batch": 1}, {"batch": 5})
    for point, clips in ((one, 1), (five, 5)):
        assert point.answer is not None
        assert point.answer.count == 3
        assert point.same_answers == pytest.approx(1.0, abs=1e-6)
        assert point.times_real_time == pytest.approx(1.5 * clips / point.answer.p50)
        assert point.note == "one clip a call, 1 at once"


def test_an_engine_that_works_on_several_clips_has_them_under_way_together(
    model_folder: Path, cache_dir: Path, film: Path, tmp_path: Path
) -> None:
    (point,) = swept(model_folder, cache_dir, film, ["batch=4", "hint=throughput", "threads=2"], tmp_path)
    assert point.setting == {"batch": 4, "hint": "throughput", "threads": 2}
    assert point.note is not None
    assert int(point.note.split()[-3]) >= 1
    assert point.same_answers == pytest.approx(1.0, abs=1e-6)


def test_a_batch_at_a_setting_that_cannot_run_says_so(
    model_folder: Path, cache_dir: Path, film: Path, tmp_path: Path
) -> None:
    good, bad = swept(model_folder, cache_dir, film, ["batch=2", "engine=openvino,tensorrt"], tmp_path)
    assert good.error is None
    assert bad.error
