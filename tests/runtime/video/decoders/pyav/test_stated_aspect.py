"""The shape of a sample is the container's word, else the codec's, else square."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import pytest

from videobert.video.decoders.pyav.stated_aspect import stated_aspect


def stream(container: Fraction | None, codec: Fraction | None) -> Any:
    return cast(
        Any, SimpleNamespace(sample_aspect_ratio=container, codec_context=SimpleNamespace(sample_aspect_ratio=codec))
    )


@pytest.mark.parametrize(
    ("container", "codec", "wanted"),
    [
        (Fraction(64, 45), Fraction(16, 15), Fraction(64, 45)),
        (None, Fraction(16, 15), Fraction(16, 15)),
        (Fraction(0), Fraction(16, 15), Fraction(16, 15)),
        (None, None, Fraction(1)),
        (Fraction(0), Fraction(0), Fraction(1)),
        (Fraction(8), None, Fraction(8)),
        (Fraction(1, 8), None, Fraction(1, 8)),
        (Fraction(9), None, Fraction(1)),
        (Fraction(1, 255), None, Fraction(1)),
        (Fraction(-4, 3), None, Fraction(1)),
    ],
)
def test_a_ratio_that_can_be_is_believed(container: Fraction | None, codec: Fraction | None, wanted: Fraction) -> None:
    assert stated_aspect(stream(container, codec)) == wanted
