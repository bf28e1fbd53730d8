"""Untrusted text: nothing written in it becomes a special token, and nothing breaks the tokenizer."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import InputError, LimitExceeded, ModelError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer

INJECTIONS = ["[CLS]", "[SEP]", "[PAD]", "[MASK]", "[>]", "<712>", "red[SEP]blue", "[ MASK ]", "[mask]", "[MA[MASK]SK]"]


def tokenizer(content: bytes, **limits: int) -> TextTokenizer:
    return TextTokenizer(content, ModelConfig(name="t", words=128, visual_tokens=64), Limits(**limits))


@pytest.fixture(scope="module")
def wordpiece(model_folder: Path) -> TextTokenizer:
    return tokenizer((model_folder / "tokenizer.json").read_bytes())


@pytest.fixture(scope="module")
def splitting_at_spaces() -> TextTokenizer:
    """The kind in which `[MASK]` is found among the ordinary words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "blue"]
    plain = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer(plain.to_str().encode())


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("kind", ["wordpiece", "splitting_at_spaces"])
def test_special_tokens_in_user_text_are_plain_text(text: str, kind: str, request: pytest.FixtureRequest) -> None:
    subject: TextTokenizer = request.getfixturevalue(kind)
    special = subject.special
    forbidden = {special.cls, special.sep, special.mask, special.pad}
    for pieces in (subject.encode(text), subject.encode(f"red {text} blue {text}")):
        assert not forbidden & set(pieces)
        assert max(pieces, default=0) < 128
    assert not {special.cls, special.sep, special.pad} & set(subject.read(text, masks=True).pieces)


def test_only_the_literal_mask_is_a_mask_and_only_where_it_is_wanted(wordpiece: TextTokenizer) -> None:
    mask = wordpiece.special.mask
    assert wordpiece.read("a [MASK] square [MASK]", masks=True).pieces.count(mask) == 2
    assert wordpiece.read("[MASK][MASK]", masks=True).pieces == [mask, mask]
    assert wordpiece.read("a [mask] [ MASK ] square", masks=True).pieces.count(mask) == 0
    head, tail = wordpiece.encode("a"), wordpiece.encode("squares")
    assert wordpiece.read("a[MASK]squares", masks=True).pieces == [*head, mask, *tail]


def test_words_that_the_tokenizer_lacks_are_told_as_they_are_written(wordpiece: TextTokenizer) -> None:
    read = wordpiece.read("The Elephant, a red one?! reds Elephant 3% 😀 [CLS]")
    assert read.unknown_words == ("Elephant", "one", "3", "😀", "CLS")
    assert read.known_words == ("The", "a", "red", "reds")
    assert read.pieces.count(wordpiece.special.unknown) == 10
    assert wordpiece.read("[MASK] is [MASK]", masks=True).known_words == ("is",)
    assert wordpiece.read("[MASK]").unknown_words == ("MASK",)
    assert wordpiece.read("?! , …").unknown_words == ()


def test_a_word_is_unknown_if_one_of_its_pieces_is() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    scores = [(word, -1.0) for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁", "a", "b")]
    unigram = Tokenizer(models.Unigram(scores, unk_id=1))
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    read = tokenizer(unigram.to_str().encode()).read("ab axb xx ba")
    assert (read.known_words, read.unknown_words) == (("ab", "ba"), ("axb", "xx"))


@pytest.mark.parametrize(
    "text",
    ["", " \t\n", "\ud800", "red \udfff square", "\ud83d\ude00", "😀" * 50, "\u202ered\u202c", "\0", "é" * 999, "中文"],
    ids=lambda text: ascii(text)[:16],
)
def test_any_text_is_encoded(text: str, wordpiece: TextTokenizer) -> None:
    assert all(0 <= piece < 128 for piece in wordpiece.encode(text))


def test_a_surrogate_pair_is_its_character_and_a_lone_one_is_not_the_end(wordpiece: TextTokenizer) -> None:
    assert wordpiece.encode("\ud83d\ude00") == wordpiece.encode("😀")
    assert wordpiece.encode("red \ud800 blue")[-1] == wordpiece.encode("blue")[0]


def test_text_is_taken_up_to_the_limit_and_a_mebibyte_is_refused_by_its_name(wordpiece: TextTokenizer) -> None:
    assert wordpiece.encode("a" * 100_000)
    for encode in (wordpiece.encode, partial(wordpiece.read, masks=True)):
        with pytest.raises(LimitExceeded, match="allowed: up to 100000 characters"):
            encode("a" * 100_001)
        with pytest.raises(LimitExceeded, match="1048576 characters"):
            encode("a" * (1 << 20))


@pytest.mark.parametrize("text", [None, 3, b"red", ["red"]], ids=str)
def test_what_is_no_text_is_refused(text: Any, wordpiece: TextTokenizer) -> None:
    for encode in (wordpiece.encode, partial(wordpiece.read, masks=True)):
        with pytest.raises(InputError, match=f"a text is needed; got {type(text).__name__}"):
            encode(text)


def test_a_mebibyte_of_text_is_encoded_when_the_limit_is_raised(model_folder: Path) -> None:
    content = (model_folder / "tokenizer.json").read_bytes()
    text = "red square " * 95_325
    assert len(tokenizer(content, max_text_chars=1 << 21).encode(text)) == 2 * 95_325


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"model": {}}', b"null" * 1000])
def test_a_damaged_tokenizer_is_a_model_error(content: bytes) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        tokenizer(content)


def changed(content: bytes, **parts: Any) -> bytes:
    fields = json.loads(content)
    fields["model"] |= parts.pop("model", {})
    return json.dumps(fields | parts).encode()


REPLACE = {"type": "Replace", "pattern": {"Regex": "a"}, "content": "b" * 10_000}
SPLIT = {"type": "Split", "pattern": {"Regex": "(a|a)*$"}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"normalizer": REPLACE}, "normalizer.*Replace"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, REPLACE]}}, "normalizer.*Replace"),
        ({"normalizer": {key: value for key, value in REPLACE.items() if key != "type"}}, "normalizer"),
        ({"normalizer": {"type": "Prepend", "prepend": "a"}}, "normalizer.*Prepend"),
        ({"pre_tokenizer": SPLIT}, "pre_tokenizer.*Split"),
        ({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [SPLIT]}}, "pre_tokenizer.*Split"),
        ({"pre_tokenizer": ["Whitespace"]}, "pre_tokenizer"),
        ({"model": {"unk_token": "[PAD]"}}, "unk_token"),
        ({"model": {"max_input_chars_per_word": 10**9}}, "max_input_chars_per_word"),
        ({"model": {"dropout": 0.5}}, "dropout"),
    ],
    ids=str,
)
def test_parts_that_could_run_away_are_refused(model_folder: Path, parts: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        tokenizer(changed((model_folder / "tokenizer.json").read_bytes(), **parts))


def test_ordinary_parts_are_accepted(wordpiece: TextTokenizer, model_folder: Path) -> None:
    parts = {
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}]},
        "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
    }
    subject = tokenizer(changed((model_folder / "tokenizer.json").read_bytes(), **parts))
    assert subject.encode("Red square") == wordpiece.encode("red square")


def test_a_tokenizer_that_fails_at_unknown_words_is_a_model_error() -> None:
    from tokenizers import Tokenizer, models

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red"]
    content = json.loads(Tokenizer(models.Unigram([(word, -1.0) for word in words], unk_id=1)).to_str())
    content["model"]["unk_id"] = None
    with pytest.raises(ModelError, match="cannot encode"):
        tokenizer(json.dumps(content).encode())


def test_pieces_are_limited(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = tokenizer((model_folder / "tokenizer.json").read_bytes(), max_text_chars=3)
    assert len(subject.encode("...")) == 3
    monkeypatch.setattr("videobert.text.reader._PIECES_PER_CHARACTER", 1)
    assert len(subject.encode("...")) == 3
    # One sign that BERT reads as three, where the tokenizer takes signs apart.
    compatible = changed((model_folder / "tokenizer.json").read_bytes(), normalizer={"type": "NFKD"})
    with pytest.raises(LimitExceeded, match="word pieces"):
        tokenizer(compatible, max_text_chars=3).encode("….")


def test_a_tokenizer_must_fit_the_model(model_folder: Path) -> None:
    content = (model_folder / "tokenizer.json").read_bytes()
    with pytest.raises(ModelError, match="more words than the model"):
        TextTokenizer(content, ModelConfig(name="t", words=8, visual_tokens=4), Limits())
    with pytest.raises(ModelError, match=r"lacks special words.*\[MASK\]"):
        tokenizer(content.replace(b"[MASK]", b"[MISS]"))


def test_special_words_are_never_shown_as_answers(wordpiece: TextTokenizer) -> None:
    special = wordpiece.special
    assert not wordpiece.answers[[special.cls, special.sep, special.mask, special.pad, special.unknown]].any()
    assert wordpiece.answers[wordpiece.encode("red")].all()
    assert wordpiece.word(wordpiece.encode("red")[0]) == "red"
    assert wordpiece.word(127) == "[UNK]"


def test_a_sentence_of_words_is_as_in_print() -> None:
    from tokenizers import Tokenizer, models

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, "it", "is", "move", "##s", ",", ".", "'", "s", "a", "top"]
    pieces = models.WordPiece({word: index for index, word in enumerate(words)}, unk_token="[UNK]")
    reader = tokenizer(Tokenizer(pieces).to_str().encode())
    assert reader.sentence([5, 6, 13, 14, 9, 7, 8, 10]) == "it is a top, moves."
    assert reader.sentence([5, 11, 12, 13]) == "it's a"
    assert reader.sentence([]) == ""
