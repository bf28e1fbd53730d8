"""`precision="exact"`: bf16 whose tokens are fp32's, and the answer says how many clips were computed again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests.real_everyday import needs_everyday

import videobert
from videobert import FrameArray, Runtime
from videobert.base.errors import ModelError, UsageError
from videobert.engines.openvino_engine import cpu_features
from videobert.model import exact_margin
from videobert.model.folder import BUNDLED
from videobert.model.stage_lists import BACKBONE
from videobert.results.as_json import to_json

CLIP = BUNDLED / "shapes" / "clip.mp4"
FILM = Path(__file__).parents[2] / "media" / "driving_car.mp4"
needs_bf16 = pytest.mark.skipif(
    not (cpu_features()["avx512_bf16"] or cpu_features()["amx_bf16"]), reason="the processor has no bf16"
)


@pytest.fixture(scope="module")
def frames() -> FrameArray:
    """Six clips of `shapes`' kind: a bright square that moves over noise."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 90, (180, 112, 112, 3), np.uint8)
    for number, picture in enumerate(pixels):
        picture[40:70, number % 80 : number % 80 + 30] = 250, 40, 40
    return FrameArray(pixels, np.arange(180) / 20)


@pytest.fixture
def wide_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A margin at which every clip lies near a tie."""
    known = tuple({**each, "flat": 9.0, "tree": 9.0} for each in exact_margin.KNOWN_MARGINS)
    monkeypatch.setattr(exact_margin, "KNOWN_MARGINS", known)


@pytest.fixture
def no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_margin, "KNOWN_MARGINS", ())


def exact() -> Runtime:
    return videobert.load("shapes", precision="exact")


@needs_bf16
def test_what_is_computed_again_is_what_fp32_gives(frames: FrameArray, wide_margin: None) -> None:
    with exact() as model, videobert.load("shapes", precision="fp32") as true:
        for method in ("flat", "tree"):
            found, wanted = model.tokens(frames, assignment=method), true.tokens(frames, assignment=method)
            np.testing.assert_array_equal(found.ids, wanted.ids)
            np.testing.assert_array_equal(found.percentiles, wanted.percentiles)
            assert found.precision == "exact"
            assert found.origin is not None
            assert wanted.origin is not None
            assert found.origin.recomputed == len(found) == 6
            assert wanted.origin.recomputed is None
            assert "recomputed" not in to_json(wanted.origin)
        report = model.run(frames)
        assert report.origin.recomputed == 6
        assert to_json(report)["origin"]["recomputed"] == 6
        with model.stream(frames) as stream:
            list(stream)
            assert stream.report().origin.recomputed == 6
        picture = FrameArray(frames.frames[:1].repeat(2, 0), np.array([0.0, 6.0]))
        still = model.tokens(picture)
        # A picture that stands still is computed once, however many clips it fills.
        assert still.origin is not None
        assert 0 < (still.origin.recomputed or 0) < len(still)


@needs_bf16
def test_far_from_ties_nothing_is_computed_again(frames: FrameArray, monkeypatch: pytest.MonkeyPatch) -> None:
    known = tuple({**each, "flat": 0.0, "tree": 0.0} for each in exact_margin.KNOWN_MARGINS)
    monkeypatch.setattr(exact_margin, "KNOWN_MARGINS", known)
    with exact() as model, videobert.load("shapes", precision="bf16") as plain:
        found, wanted = model.tokens(frames), plain.tokens(frames)
        assert found.origin is not None
        assert found.origin.recomputed == 0
        assert to_json(found.origin)["recomputed"] == 0
        assert found.ids.tolist() == wanted.ids.tolist()
        # The graph in fp32 was never needed, so it was never compiled.
        assert (BACKBONE, True) not in model._opened.engine._stages  # type: ignore[attr-defined]


@needs_bf16
@pytest.mark.parametrize("wide", ["flat", "tree"])
def test_each_way_of_choosing_tokens_has_its_own_margin(
    wide: str, frames: FrameArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    margins = {"flat": 0.0, "tree": 0.0, wide: 9.0}
    known = tuple({**each, **margins} for each in exact_margin.KNOWN_MARGINS)
    monkeypatch.setattr(exact_margin, "KNOWN_MARGINS", known)
    with exact() as model:
        again = {}
        for method in ("flat", "tree"):
            origin = model.tokens(frames, assignment=method).origin
            again[method] = None if origin is None else origin.recomputed
        assert again == {"flat": 0, "tree": 0, wide: 6}


@needs_bf16
def test_a_feature_that_is_no_number_is_not_hidden_by_a_second_one(wide_margin: None) -> None:
    with exact() as model:
        mended = model._opened._exact
        assert mended is not None
        feature = np.full(model.config.backbone.feature_dim, np.nan, np.float32)
        found, again = mended.mended(None, feature, "flat")
        assert np.isnan(found).all()
        assert not again


@needs_bf16
def test_on_its_own_clip_the_bundled_model_gives_the_tokens_of_fp32() -> None:
    with exact() as model, videobert.load("shapes", precision="fp32") as true:
        assert model.tokens(CLIP).ids.tolist() == true.tokens(CLIP).ids.tolist()


@needs_everyday
@needs_bf16
def test_actions_of_real_film_are_those_of_fp32() -> None:
    with videobert.load("everyday", precision="exact") as model, videobert.load("everyday", precision="fp32") as true:
        found, wanted = model.tokens(FILM), true.tokens(FILM)
        assert found.ids.tolist() == wanted.ids.tolist()
        assert found.origin is not None
        assert 0 <= (found.origin.recomputed or 0) < len(found)


@needs_bf16
def test_a_model_without_a_margin_is_refused_with_the_command(no_margin: None) -> None:
    with pytest.raises(ModelError, match="nobody has measured") as refused:
        exact()
    assert "videobert build" in str(refused.value.fix)


def test_where_there_is_no_bf16_it_is_fp32(monkeypatch: pytest.MonkeyPatch, no_margin: None) -> None:
    monkeypatch.setattr("videobert.engines.openvino_engine.cpu_features", dict)
    with exact() as model:
        assert model.origin.precision == "fp32"
        assert model.tokens(CLIP).origin == dataclasses.replace(
            model.origin, decoder="pyav", assignment="flat", recomputed=None
        )


def test_an_engine_of_one_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="has no precision exact"):
        videobert.load("shapes", engine="tensorrt", precision="exact")


@pytest.mark.slow
@needs_bf16
def test_a_margin_that_was_measured_on_clips_is_used(tmp_path: Path, no_margin: None) -> None:
    import shutil

    from videobert.model.exact_margin import write_exact_margin
    from videobert.model.folder import ModelFolder
    from videobert.model.manifest import write_manifest
    from videobert.pipeline.exact_calibration import calibrated

    shutil.copytree(BUNDLED / "shapes", tmp_path / "model")
    margin = calibrated(ModelFolder(tmp_path / "model"), [CLIP] * 6)
    assert margin.clips == 42
    write_exact_margin(tmp_path / "model", margin)
    write_manifest(tmp_path / "model")
    with videobert.load(tmp_path / "model", precision="exact") as model:
        assert model.tokens(CLIP).precision == "exact"
