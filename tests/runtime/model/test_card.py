"""The card of a model is read whatever its form."""

from __future__ import annotations

import pytest

from videobert.model.card import read_card


@pytest.mark.parametrize(
    ("text", "licence", "limits"),
    [
        (
            "---\nlicense: mit\ntags: [a]\n---\n# m\nText.\n\n## Limitations and bias\nIt is\nsmall.\n\nSlow.\n",
            "mit",
            2,
        ),
        ("# m\n\n## Licence\n\n**CC BY 4.0**\n\n## Known limits\n* one\n  more\n* two\n## Next\nno\n", "CC BY 4.0", 2),
        ("# m\n| a | b |\n|---|---|\n| License | `Apache-2.0` |\n", "Apache-2.0", 0),
        ("", None, 0),
        ("no heading at all", None, 0),
        ("## Limits\n" + "- x\n" * 1000, None, 20),
    ],
)
def test_cards_of_many_forms_are_read(text: str, licence: str | None, limits: int) -> None:
    card = read_card(text)
    assert (card.licence, len(card.limits)) == (licence, limits)


def test_the_texts_of_a_card_are_whole_and_cut() -> None:
    card = read_card("# name\n\nFirst\nparagraph.\n\n## Limits\n\n- a point that\n  goes on\n- " + "y" * 5000)
    assert card.summary == "First paragraph."
    assert card.limits[0] == "a point that goes on"
    assert len(card.limits[1]) == 1001
