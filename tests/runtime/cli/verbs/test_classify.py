"""`videobert classify`: what was typed goes on to the model."""

from __future__ import annotations

from typing import Any


def test_classify_takes_labels_and_templates(call: Any, fake: Any) -> None:
    ended = call(
        "classify",
        "clip.mp4",
        "-l",
        "red",
        "-l",
        "blue",
        "-t",
        "a [MASK] circle",
        "--window-clips",
        "4",
        "--prior-strength",
        "0.5",
    )
    assert ended.out.splitlines()[0] == "1.5–3.0 s\tred\t0.800"
    _, arguments, options = fake.asked[0]
    assert arguments == ("clip.mp4", ["red", "blue"], ["a [MASK] circle"])
    assert (options["window_clips"], options["prior_strength"]) == (4, 0.5)
    assert options["question"] is None
