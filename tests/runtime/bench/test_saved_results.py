"""Files of results, which are not trusted: what can be compared is, and what is damaged is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.bench.test_regression import answers
from tests.runtime.report.sample_bench import BENCH

from videobert.base.errors import InputError, MismatchError
from videobert.bench.compare_saved import against, compare_saved
from videobert.bench.saved_results import read_saved
from videobert.results.as_json import to_json
from videobert.results.bench import Bench


def bench(seed: int, scale: float = 1.0, **changed: Any) -> Bench:
    noise = dataclasses.replace(BENCH.noise, quiet=True, work_s=1e-3)
    changed.setdefault("environment", {**BENCH.environment, "cpu_family_model_stepping": "26 2 1"})
    return dataclasses.replace(BENCH, **{"answers_s": tuple(answers(seed, scale, count=20)), "noise": noise, **changed})


def saved(path: Path, value: object) -> Path:
    path.write_text(json.dumps(to_json(value)))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return saved(tmp_path / "old.json", bench(0))


def test_a_slower_file_is_told(old: Path, tmp_path: Path) -> None:
    found = compare_saved(old, saved(tmp_path / "new.json", bench(1, 1.5)))
    assert found.speed is not None
    assert found.speed.verdict == "slower"
    assert found.parity is None
    assert found.b.engine == BENCH.engine
    assert against(old, bench(1, 1.5)).verdict == "slower"
    assert against(old, bench(1, 1 / 1.5)).verdict == "faster"


@pytest.mark.parametrize("scale", [1.0, 1.1, 1.2])
def test_what_was_measured_apart_decides_only_over_what_lies_far_apart(old: Path, scale: float) -> None:
    speed = against(old, bench(1, scale))
    assert speed.verdict == "too noisy to say"
    assert "compare --beside PYTHON" in str(speed.why)


def test_what_the_machine_lost_is_not_the_models(old: Path, tmp_path: Path) -> None:
    slow = bench(1, 1.45, noise=dataclasses.replace(BENCH.noise, quiet=True, work_s=1.19e-3))
    found = compare_saved(old, saved(tmp_path / "new.json", slow))
    assert found.speed is not None
    assert found.speed.verdict != "slower"
    assert any("1.19 times as long" in note for note in found.notes)


def test_a_noisy_file_decides_nothing(old: Path) -> None:
    speed = against(old, bench(1, 2.0, noise=dataclasses.replace(BENCH.noise, quiet=False)))
    assert speed.verdict == "too noisy to say"
    assert "under load: now" in str(speed.why)


@pytest.mark.parametrize("work_s", [0.7e-3, 1.4e-3])
def test_a_machine_of_another_speed_decides_nothing(old: Path, work_s: float) -> None:
    speed = against(old, bench(1, 2.0, noise=dataclasses.replace(BENCH.noise, quiet=True, work_s=work_s)))
    assert speed.verdict == "too noisy to say"
    assert "the machine itself took" in str(speed.why)


@pytest.mark.parametrize(
    "changed",
    [
        {"verb": "tokens"},
        {"video": {**BENCH.video, "name": "x"}},
        {"environment": {"cpu": "another"}},
        {"environment": {**BENCH.environment, "cpu_family_model_stepping": "25 17 1"}},
    ],
)
def test_other_work_is_not_compared(old: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(MismatchError, match="different things"):
        against(old, bench(1, **changed))


def test_a_file_that_does_not_tell_the_family_is_compared(old: Path) -> None:
    assert against(old, bench(1, 1.5, environment=BENCH.environment)).verdict == "slower"


def report(*said: str, tokens: int = 2) -> dict[str, Any]:
    return {
        "segments": [
            {
                "start_s": 1.5 * place,
                "end_s": 1.5 * (place + 1),
                "answers": {"colour": [{"text": text}, {"text": "green"}]},
                "tokens": [place] * tokens,
            }
            for place, text in enumerate(said)
        ],
        "origin": {"model": "tiny", "engine": "openvino"},
    }


def test_answers_of_two_reports_are_compared(tmp_path: Path) -> None:
    a, b = (saved(tmp_path / name, each) for name, each in (("a", report("red", "red")), ("b", report("red", "blue"))))
    found = compare_saved(a, b)
    assert found.answers is not None
    assert found.answers.share == pytest.approx(0.5)
    assert found.answers.low < 0.5 < found.answers.high
    assert found.tokens is not None
    assert (found.tokens.share, found.tokens.count) == (1.0, 4)
    assert found.top5 is not None
    assert found.top5.share == pytest.approx(0.75)
    assert found.parity is False
    assert found.a.model == "tiny"
    assert compare_saved(a, a).parity is True


def test_tokens_stand_against_a_report(tmp_path: Path) -> None:
    a = saved(tmp_path / "a", {"ids": [0, 0, 1, 7], "model": "tiny"})
    b = saved(tmp_path / "b", report("red", "red"))
    found = compare_saved(a, b)
    assert found.tokens is not None
    assert found.tokens.share == 0.75
    with pytest.raises(InputError, match="nothing in common"):
        compare_saved(a, saved(tmp_path / "c", {"ids": [1]}))


def test_times_and_answers_are_not_compared(old: Path, tmp_path: Path) -> None:
    tokens = saved(tmp_path / "a", {"ids": [0]})
    with pytest.raises(InputError, match="times and answers"):
        compare_saved(old, tokens)
    with pytest.raises(InputError, match="holds no times"):
        against(tokens, bench(1))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        "{}",
        '{"answers_s": []}',
        '{"answers_s": [1, -1, 1], "noise": {}, "environment": {}, "video": {}}',
        '{"answers_s": [1, NaN, 1], "noise": {}, "environment": {}, "video": {}}',
        '{"answers_s": [1, 1, 1], "noise": [], "environment": {}, "video": {}}',
        '{"segments": {}}',
        '{"segments": [1]}',
        '{"segments": [{"start_s": 0}]}',
        '{"segments": [{"start_s": 0, "end_s": Infinity}]}',
        '{"segments": [{"start_s": 0, "end_s": 1, "answers": {"a": [1]}}]}',
        '{"segments": [{"start_s": 0, "end_s": 1, "answers": {"a": [{"text": 1}]}}]}',
        '{"segments": [{"start_s": 0, "end_s": 1, "tokens": [true]}]}',
        '{"ids": "all"}',
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError):
        read_saved(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_saved(tmp_path / "none.json")
    assert caught.value.seen == f"{tmp_path / 'none.json'} (No such file or directory)"
