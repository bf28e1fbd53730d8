"""The page of a measurement: self-contained, escaped, and shown by a real browser as it is meant."""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
import pytest
from sample_bench import BENCH, NOISY
from tests.headless_browser import look_at

from videobert.report.bench_page import bench_page


def test_nothing_is_fetched_and_all_text_is_escaped() -> None:
    page = bench_page(BENCH)
    assert "&lt;b&gt;made&lt;/b&gt;" in page
    assert "a &amp; b.mp4" in page
    assert "<b>made" not in page
    assert not re.search(r"<script|https?://|@import|url\(", page)


def test_it_holds_what_was_measured() -> None:
    page = bench_page(BENCH)
    for said in ("Stages", "Latency", "Roofline", "Sweep", "Environment", "decode", "backbone (beside)", "99.5%"):
        assert said in page
    assert "<td>engine tensorrt</td><td class=n>–</td>" in page
    assert "engine tensorrt could not be measured: the engine tensorrt is not installed</p>" in page
    assert "quiet machine" in page
    noisy = bench_page(NOISY)
    assert "these figures decide nothing" in noisy
    assert "Roofline" not in noisy
    assert "Sweep" not in noisy


def test_a_browser_shows_it(tmp_path: Path) -> None:
    document, complaints, picture = look_at(bench_page(BENCH), tmp_path)
    assert complaints == ""
    assert document.count('class="fall') == len(BENCH.stages)
    assert "<svg" in document
    with av.open(str(picture)) as shown:
        pixels = next(shown.decode(video=0)).to_ndarray(format="rgb24")
    # Bars of the caller and of what runs beside it, in their colours.
    for colour in ((0x44, 0x57, 0xD6), (0xE3, 0x9A, 0x35)):
        assert (np.abs(pixels.astype(int) - colour).sum(axis=2) < 12).sum() > 500


@pytest.mark.parametrize("count", [1, 2, 500])
def test_any_number_of_answers_makes_a_histogram(count: int) -> None:
    import dataclasses

    page = bench_page(dataclasses.replace(BENCH, answers_s=tuple(0.5 + 0.001 * n for n in range(count))))
    assert f"<title>{count} answers</title>" in page
    assert "nan" not in page
