"""The bundled model on clips that DALI decoded: the same tokens, and the fallback in every answer."""

from __future__ import annotations

import numpy as np
import pytest

import videobert

pytestmark = pytest.mark.usefixtures("dali")


@pytest.fixture(scope="module")
def models():
    with videobert.load("shapes", decoder="pyav") as pyav, videobert.load("shapes", decoder="dali") as dali:
        yield pyav, dali


@pytest.mark.parametrize("name", ["a.webm", "a.avi"])
def test_the_same_tokens(models, made, name):
    codec = {"codec": "libvpx-vp9"} if name == "a.webm" else {"codec": "mjpeg", "pixel_format": "yuvj420p"}
    path = made(name, **codec, ticks=range(150))
    pyav, dali = models
    expected, found = pyav.tokens(path), dali.tokens(path)
    assert found.decoder_fallback is None
    assert len(found) == 4
    assert np.mean(found.ids == expected.ids) >= 0.99
    assert (found.start_s == expected.start_s).all()
    report = dali.run(path)
    assert (report.video["decoder"], report.origin.decoder_fallback) == ("dali", None)


def test_the_fallback_is_in_every_answer(models, made):
    path = made("a.mp4", ticks=range(40))
    pyav, dali = models
    reason = "dali: DALI does not decode h264 on the CPU"
    assert dali.tokens(path) == pyav.tokens(path)
    assert dali.tokens(path).decoder_fallback == reason
    report = dali.run(path)
    assert (report.video["decoder"], report.video["decoder_fallback"]) == ("pyav", reason)
    answers = (
        report,
        dali.embed(path),
        dali.fill("a [MASK] circle", path),
        dali.classify(path, question="colour"),
        dali.align(path, "a red circle"),
    )
    assert {answer.origin.decoder_fallback for answer in answers} == {reason}
    assert pyav.run(path).origin.decoder_fallback is None
    assert dali.embed(text="a red circle").origin.decoder_fallback is None


def test_saved_tokens_forget_what_decoded_them(models, made, tmp_path):
    tokens = models[1].tokens(made("a.mp4", ticks=range(40)))
    tokens.save(tmp_path / "a.vbt")
    again = videobert.VisualTokens.load(tmp_path / "a.vbt")
    assert again == tokens
    assert again.decoder_fallback is None
