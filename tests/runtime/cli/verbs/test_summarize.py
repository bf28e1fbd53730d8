"""`videobert summarize`: rows with their reasons, what fits no text, and the shorter film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.editing.film_factory import numbers_of, write_film

pytestmark = pytest.mark.usefixtures("fake")


def test_spans_are_rows_with_their_reasons(call: Any, fake: Any) -> None:
    ended = call("summarize", "clip.mp4")
    _, args, options = fake.asked[0]
    assert args == ("clip.mp4",)
    assert (options["seconds"], options["share"], options["text"]) == (None, 0.15, None)
    assert ended.out.splitlines() == [
        "1.5–3.0 s\trare: 1.5 s of 60.0 s look like it\t0.250",
        "30.0–33.0 s\tstands for 40.0 s of 60.0 s; a part of a shot of 25.0 s\t0.500",
    ]


def test_options_reach_the_runtime(call: Any, fake: Any) -> None:
    call("summarize", "clip.mp4", "--seconds", "6", "--share", "0.5", "--text", "a red circle", "--stride", "2")
    options = fake.asked[0][2]
    assert [options[name] for name in ("seconds", "share", "text", "stride")] == [6.0, 0.5, "a red circle", 2]
    for wrong in (("--share", "1.5"), ("--seconds", "-1")):
        assert call("summarize", "clip.mp4", *wrong).code == 2
    assert len(fake.asked) == 1


def test_that_nothing_fits_the_text_is_said(call: Any) -> None:
    said = "unsure: nothing in this video fits the text"
    assert said in call("summarize", "clip.mp4", "--text", "an elephant").err
    assert said not in call("summarize", "clip.mp4", "--text", "a red circle").err
    assert call("summarize", "clip.mp4", "--text", "an elephant", "--json").json["unsure"]


def test_the_shorter_film_is_written(call: Any, tmp_path: Path) -> None:
    film = write_film(tmp_path / "clip.mp4", frames=140, rate=Fraction(4), options={"bf": "0"})
    ended = call("summarize", film, "--out", tmp_path / "short.mp4")
    assert ended.code == 0, ended.err
    assert f"wrote {tmp_path / 'short.mp4'}: 4.5 s of film" in ended.said
    assert numbers_of(tmp_path / "short.mp4") == [*range(6, 12), *range(120, 132)]


def test_standard_input_has_no_shorter_film(
    call: Any, fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_film(tmp_path / "clip.mp4", frames=8)
    with film.open("rb") as given:
        monkeypatch.setattr("sys.stdin", given)
        ended = call("summarize", "-", "--out", tmp_path / "short.mp4")
    assert ended.code == 2
    assert "standard input can be read once" in ended.err
    assert fake.asked == []
    assert not (tmp_path / "short.mp4").exists()
