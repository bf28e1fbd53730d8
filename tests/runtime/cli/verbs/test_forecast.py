"""`videobert forecast`: a row for each token, and how it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")


def test_tokens_are_rows_with_what_the_model_says_of_them(call: Any) -> None:
    assert call("forecast", "clip.mp4").out.splitlines() == [
        "9.0–10.5 s\t<712> red\t0.500",
        "9.0–10.5 s\t<7>\t0.250",
        "12.0–13.5 s\t<712> red\t0.500",
    ]


def test_options_reach_the_runtime(call: Any, fake: Any) -> None:
    call("forecast", "clip.mp4")
    call("forecast", "clip.mp4", "-a", "2", "--ahead", "5", "--top", "1", "--context-clips", "3", "--index", "made")
    plain, asked = (options for _, _, options in fake.asked)
    assert [plain[name] for name in ("ahead", "top", "index", "context_clips")] == [(1, 2, 3), 5, None, None]
    assert [asked[name] for name in ("ahead", "top", "context_clips")] == [(2, 5), 1, 3]
    assert asked["index"] == Path("made")
    assert call("forecast", "clip.mp4", "--ahead", "0").code == 2


def test_a_person_is_told_that_a_codebook_keeps_no_clips(call: Any, watch: Any) -> None:
    said = "a codebook keeps none"
    assert said in " ".join(watch(60, "forecast", "clip.mp4", term="dumb").err.split())
    assert said not in call("forecast", "clip.mp4").err


def test_json_has_all_of_it(call: Any) -> None:
    found = call("forecast", "clip.mp4", "--json").json
    assert (found["method"], found["context_clips"], found["until_s"]) == ("masked", 4, 9.0)
    assert [(each["ahead"], each["covered"]) for each in found["horizons"]][1] == (3, 0.75)
    assert found["horizons"][0]["candidates"][0]["answers"]["colour"]["text"] == "red"
