"""Sweeps: what may be swept, and a setting that cannot run among those that can."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.base.errors import UsageError
from videobert.bench.film import write_generated_film
from videobert.bench.measure import Case
from videobert.bench.sweep import parse_sweep, sweep


def test_names_and_values_are_read() -> None:
    assert parse_sweep(["threads=1,2", "precision=fp32, bf16"]) == {"threads": [1, 2], "precision": ["fp32", "bf16"]}
    assert parse_sweep([]) == {}


@pytest.mark.parametrize("asked", ["threads", "threads=", "colour=red", "threads=many", "=1"])
def test_what_cannot_be_swept_is_refused(asked: str) -> None:
    with pytest.raises(UsageError):
        parse_sweep([asked])


def test_too_many_settings_are_refused() -> None:
    numbers = ",".join(map(str, range(1, 8)))
    with pytest.raises(UsageError, match="too many"):
        parse_sweep([f"threads={numbers}", f"stride={numbers}"])


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
