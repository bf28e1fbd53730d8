"""Texts in pieces of bytes, as RoBERTa reads them: masked words, spaces, labels, and what an answer may be."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.small_byte_level import byte_level, vocabulary

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer

SIZE = 400


def tokenizer(content: bytes | None = None, words: int = SIZE) -> TextTokenizer:
    content = byte_level(SIZE) if content is None else content
    return TextTokenizer(content, ModelConfig(name="t", words=words, visual_tokens=4), Limits())


def changed(**parts: Any) -> bytes:
    fields = json.loads(byte_level(SIZE))
    fields["model"] |= parts.pop("model", {})
    return json.dumps(fields | parts).encode()


@pytest.fixture(scope="module")
def plain() -> TextTokenizer:
    return tokenizer()


def pieces(subject: TextTokenizer, text: str) -> list[str]:
    words = {index: word for word, index in vocabulary(SIZE)[0].items()}
    return [words[index] for index in subject.read(text, masks=True).pieces]


def test_special_words_are_robertas(plain: TextTokenizer) -> None:
    special = plain.special
    assert (special.cls, special.pad, special.sep, special.unknown, special.mask) == (0, 1, 2, 3, SIZE - 1)
    assert plain.masks == ("[MASK]", "<mask>")


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>"])
def test_a_masked_word_takes_the_space_before_it(plain: TextTokenizer, mask: str) -> None:
    assert pieces(plain, f"a {mask} circle") == ["a", "<mask>", "Ġcircle"]
    assert pieces(plain, f"a  \t{mask}") == ["a", "<mask>"]
    assert pieces(plain, f"{mask}{mask} circle") == ["<mask>", "<mask>", "Ġcircle"]
    assert plain.read(f"a {mask} circle").pieces.count(plain.special.mask) == 0


def test_it_does_not_where_the_file_says_so() -> None:
    assert pieces(tokenizer(byte_level(SIZE, mask_takes_space=False)), "a [MASK] circle") == [
        "a",
        "Ġ",
        "<mask>",
        "Ġcircle",
    ]


@pytest.mark.parametrize("text", ["<s>", "</s>", "<pad>", "<mask>", "a <s>red</s>", "<|endoftext|>", "[CLS]"])
def test_special_words_in_a_text_are_plain_text(plain: TextTokenizer, text: str) -> None:
    special = plain.special
    read = plain.encode(text)
    assert not {special.cls, special.sep, special.pad, special.mask} & set(read)
    assert read


def test_no_text_is_unknown(plain: TextTokenizer) -> None:
    read = plain.read("a red elephant 😀, naïve 中文\x00")
    assert read.unknown_words == ()
    assert read.known_words[:3] == ("a", "red", "elephant")
    assert plain.special.unknown not in read.pieces


def test_a_byte_that_the_vocabulary_lacks_is_told() -> None:
    words, merges = vocabulary(SIZE)
    left = {word: index for word, index in words.items() if word not in ("x", "ð")}
    content = changed(model={"vocab": left, "merges": merges})
    read = tokenizer(content).read("red box 😀")
    assert read.unknown_words == ("box", "😀")
    assert read.pieces.count(3) == 2
    ascii_alone = {word: i for word, i in words.items() if word.removeprefix("Ġ").isascii() and word != "<unk>"}
    with pytest.raises(ModelError, match="drops what it does not know"):
        tokenizer(changed(model={"vocab": ascii_alone, "merges": merges}))


def test_which_pieces_can_be_an_answer(plain: TextTokenizer) -> None:
    words = vocabulary(SIZE)[0]
    assert plain.answers[[words["Ġred"], words["red"], words["."], words["Ġcircl"]]].all()
    assert not plain.answers[[words["Ġ"], words["Ċ"], words["Ã"], words["ÿ"], 0, 1, 2, 3, SIZE - 1]].any()


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("a [MASK] circle", (True,)),
        ("[MASK] circle", (False,)),
        (" [MASK]", (True,)),
        ("unbeliev[MASK]", (False,)),
        ("a [MASK][MASK] (<mask>", (True, False, False)),
        ("a circle", ()),
    ],
)
def test_whether_a_word_begins_at_a_masked_one(plain: TextTokenizer, text: str, begins: tuple[bool, ...]) -> None:
    assert plain.read(text, masks=True).after_space == begins


def test_a_space_that_the_tokenizer_adds_begins_a_word() -> None:
    subject = tokenizer(byte_level(SIZE, add_prefix_space=True))
    assert subject.read("[MASK] circle[MASK]", masks=True).after_space == (True, False)
    assert pieces(subject, "red") == ["Ġred"]
    assert pieces(subject, "") == []


def test_an_answer_is_shown_as_it_fills_its_place(plain: TextTokenizer) -> None:
    words = vocabulary(SIZE)[0]
    assert plain.word(words["Ġred"]) == "red"
    assert plain.word(words["red"]) == "##red"
    assert plain.word(words["."]) == "."
    assert plain.word(words["Ġred"], after_space=False) == " red"
    assert plain.word(words["red"], after_space=False) == "red"
    assert plain.word(plain.special.mask) == "<mask>"
    assert plain.word(10**6) == "<unk>"


def test_a_label_has_the_pieces_that_it_has_in_the_text(plain: TextTokenizer) -> None:
    words = vocabulary(SIZE)[0]
    assert plain.label("red", space=plain.label_has_space("a ")) == [words["Ġred"]]
    assert plain.label(" red", space=plain.label_has_space("a ")) == [words["Ġred"]]
    assert plain.label("red", space=plain.label_has_space("")) == [words["red"]]
    assert plain.label("red", space=plain.label_has_space("(")) == [words["red"]]


def test_words_that_were_added_are_shown_as_they_are_written() -> None:
    from tokenizers import Tokenizer

    longer = Tokenizer.from_str(byte_level(SIZE).decode())
    longer.add_tokens(["naïve"])
    subject = tokenizer(longer.to_str().encode(), SIZE + 1)
    assert subject.word(SIZE) == "naïve"
    assert subject.answers[SIZE]


@pytest.mark.parametrize(("size", "said"), [(399, "more words than"), (500, "fewer words than")])
def test_it_must_fit_the_model(size: int, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        tokenizer(words=size)


def test_all_special_words_are_needed_and_the_unknown_one_must_be_theirs() -> None:
    with pytest.raises(ModelError, match=r"lacks special words; got \['<pad>'\]"):
        tokenizer(byte_level(SIZE).replace(b"<pad>", b"<nil>"))
    with pytest.raises(ModelError, match=r"unk_token.*got \[UNK\]; allowed: <unk>"):
        tokenizer(changed(model={"unk_token": "[UNK]"}))


def test_a_long_word_ends(plain: TextTokenizer) -> None:
    assert len(plain.encode("x" * 100_000)) == 100_000


def test_ids_lie_in_the_table_whatever_the_text(plain: TextTokenizer) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        text = "".join(map(chr, rng.integers(0, 0x3000, 40)))
        assert all(0 <= index < SIZE for index in plain.encode(text))


def test_a_sentence_of_pieces_of_bytes_has_the_spaces_that_they_bring(plain: TextTokenizer) -> None:
    ids = plain.encode("a red circle, moving")
    assert plain.sentence(ids) == "a red circle, moving"
