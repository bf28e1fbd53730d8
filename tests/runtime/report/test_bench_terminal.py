"""A measurement as text: whether to trust it comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_bench import BENCH, NOISY

from videobert.report.bench_facts import STAGE_WORDS, amount, facts, noise_words
from videobert.report.bench_terminal import print_bench


def test_trust_comes_first_then_facts_stages_and_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(BENCH)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("quiet machine")
    text = "\n".join(lines)
    order = [text.index(said) for said in ("film", "first result", "stage", "decode", "backbone (beside)", "setting")]
    assert order == sorted(order)
    assert "peak memory" in text
    assert "500 MB" in text
    assert "none: the model runs on the CPU" in text
    assert "batch 4 (one clip a call, 1 at once)" in text


def test_own_time_and_that_of_a_call_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(BENCH)
    text = capsys.readouterr().out
    assert "own time" in text
    assert "call p50" in text
    assert STAGE_WORDS in text


def test_why_a_setting_cannot_run_stands_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(BENCH)
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("engine tensorrt  "))
    assert row.split() == ["engine", "tensorrt", "–", "–", "–"]
    assert lines[-1] == "engine tensorrt could not be measured: the engine tensorrt is not installed"


@pytest.mark.parametrize(
    ("peak", "said"), [(1_500_000_000, "1.5 GB"), (None, "not known: the driver does not tell")], ids=str
)
def test_the_memory_of_a_gpu_is_told_or_that_it_is_not_known(peak: int | None, said: str) -> None:
    assert BENCH.cold is not None
    cold = replace(BENCH.cold, peak_device_memory_bytes=peak)
    assert dict(facts(replace(BENCH, device="NVIDIA L4", cold=cold)))["peak GPU memory"] == said


def test_a_noisy_machine_is_told_first(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(NOISY)
    assert capsys.readouterr().out.startswith("noisy machine")
    assert "decide nothing" in noise_words(NOISY.noise)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0 B"), (999.0, "999 B"), (1000.0, "1 kB"), (3.3e11, "330 GB"), (2e13, "20 TB")],
    ids=str,
)
def test_amounts_have_three_digits(value: float, said: str) -> None:
    assert amount(value, "B") == said
