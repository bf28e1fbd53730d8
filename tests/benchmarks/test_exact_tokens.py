"""The benchmark of `precision="exact"`: what it counts, and that it goes on where it stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from videobert.engines.openvino_engine import cpu_features
from videobert.model import exact_margin
from videobert.model.folder import BUNDLED, ModelFolder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

import exact_tokens  # noqa: E402

CLIP = BUNDLED / "shapes" / "clip.mp4"
pytestmark = pytest.mark.skipif(
    not (cpu_features()["avx512_bf16"] or cpu_features()["amx_bf16"]), reason="the processor has no bf16"
)


def test_judging_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = tuple({**each, "flat": 9.0} for each in exact_margin.KNOWN_MARGINS)
    monkeypatch.setattr(exact_margin, "KNOWN_MARGINS", wide)
    films = [CLIP] * 3
    first = exact_tokens.judge("shapes", iter(films), {}, mirrored=False, seconds=0)
    assert first["films"] == 1
    # Every clip lies within so wide a margin, so exact has fp32's tokens.
    assert first["clips"] == first["recomputed"] == first["exact"]["of"] == first["bf16"]["of"] > 5
    assert first["exact"]["different"] == 0
    both = exact_tokens.judge("shapes", iter(films[1:2]), first, mirrored=True, seconds=0)
    assert (both["films"], both["clips"]) == (2, 3 * first["clips"])


def test_features_of_a_calibration_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "features.npz"
    found = exact_tokens.calibrate("shapes", iter([CLIP] * 3), kept, mirrored=True, seconds=99)
    assert found["films"] == 3
    assert found["margin_share"]["clips"] >= 36
    assert found["margin_share"]["backbone"] == ModelFolder("shapes").digest("graphs/backbone.onnx")
    assert sorted(np.load(kept)) == ["0000", "0001", "0002"]
    assert exact_tokens.calibrate("shapes", iter([]), kept, mirrored=True, seconds=99) == found


def test_the_interval_of_a_share() -> None:
    # Wilson's, by hand of 8 of 1,107.
    assert exact_tokens.wilson(8, 1107) == pytest.approx((0.003666, 0.014195), abs=1e-6)
    assert exact_tokens.different(0, 0) == {"different": 0, "of": 0, "share": [0.0, 0, 1]}
