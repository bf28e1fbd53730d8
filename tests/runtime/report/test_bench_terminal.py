"""A measurement as text: whether to trust it comes first."""

from __future__ import annotations

import pytest
from sample_bench import BENCH, NOISY

from videobert.report.bench_facts import amount, noise_words
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
