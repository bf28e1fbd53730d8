"""Which words of a vocabulary are special."""

from __future__ import annotations

from videobert.text.special_ids import BERT_WORDS, ROBERTA_WORDS, special_words

BERT = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"]
ROBERTA = ["<s>", "</s>", "<mask>", "<pad>", "<unk>"]


def test_the_set_that_is_whole_is_taken_and_berts_before_another() -> None:
    assert special_words(BERT) == BERT_WORDS
    assert special_words([*ROBERTA, "[CLS]", "[MASK]"]) == ROBERTA_WORDS
    assert special_words([*ROBERTA, *BERT]) == BERT_WORDS


def test_of_none_that_is_whole_the_one_that_lacks_least() -> None:
    assert special_words(ROBERTA[:4]).missing(ROBERTA[:4]) == ["<unk>"]
    assert special_words([]).missing([]) == BERT
