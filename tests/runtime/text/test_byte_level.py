"""Pieces of bytes, and what a reader is shown of them."""

from __future__ import annotations

import pytest

from videobert.text.byte_level import ALPHABET, is_answer, shown, text_of


def piece(text: str | bytes) -> str:
    """A text in the alphabet, by the library that made it."""
    from tokenizers import pre_tokenizers

    if isinstance(text, bytes):
        whole = "é中😀".encode()
        return piece("é中😀")[whole.index(text) :][: len(text)]
    ((written, _),) = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    return str(written)


def test_the_alphabet_is_that_of_the_tokenizers_library() -> None:
    from tokenizers import pre_tokenizers

    assert set(pre_tokenizers.ByteLevel.alphabet()) == ALPHABET


@pytest.mark.parametrize("text", ["red", " red", " naïve", "中文", "😀", "\n", "\t a", "\u2028", "ÿ\xad\x7f\x00", ""])
def test_every_text_comes_back(text: str) -> None:
    assert text_of(piece(text) if text else "") == text


@pytest.mark.parametrize("part", [b"\xc3", b"\xa9", b"\xe4\xb8", b"\x9f\x98\x80"], ids=ascii)
def test_a_part_of_a_character_is_no_text(part: bytes) -> None:
    assert text_of(piece(part)) is None
    assert not is_answer(piece(part))
    assert shown(piece(part), after_space=True) == piece(part)


def test_what_is_written_in_other_characters_is_no_piece() -> None:
    assert text_of("中") is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [(" red", True), ("red", True), (".", True), (" 😀", True), (" ", False), ("\n", False), ("  ", False), ("", False),
     ("\x00", False), (" a\n", False), ("\u200b", False)],
)  # fmt: skip
def test_an_answer_can_be_seen(text: str, answer: bool) -> None:
    assert is_answer(piece(text) if text else "") is answer


@pytest.mark.parametrize(
    ("text", "after_space", "seen"),
    [
        (" red", True, "red"),
        ("red", True, "##red"),
        ("'s", True, "'s"),
        (".", True, "."),
        ("  x", True, " x"),
        (" red", False, " red"),
        ("able", False, "able"),
    ],
)
def test_a_piece_is_shown_as_it_fills_its_place(text: str, after_space: bool, seen: str) -> None:
    assert shown(piece(text), after_space=after_space) == seen
