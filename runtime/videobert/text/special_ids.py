"""The words of a tokenizer that are no words: how they are written, and their ids."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialIds:
    """Ids of the tokenizer's special words."""

    cls: int
    sep: int
    mask: int
    pad: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialWords:
    """How a tokenizer writes its special words."""

    cls: str
    sep: str
    mask: str
    pad: str
    unknown: str

    def missing(self, words: Container[str]) -> list[str]:
        """Those that are not among `words`."""
        return [word for word in astuple(self) if word not in words]


BERT_WORDS = SpecialWords(cls="[CLS]", sep="[SEP]", mask="[MASK]", pad="[PAD]", unknown="[UNK]")
"""BERT's (arXiv 1810.04805)."""

ROBERTA_WORDS = SpecialWords(cls="<s>", sep="</s>", mask="<mask>", pad="<pad>", unknown="<unk>")
"""RoBERTa's (arXiv 1907.11692), as fairseq and the `tokenizers` library write them."""

KNOWN_WORDS = (BERT_WORDS, ROBERTA_WORDS)
"""Where a tokenizer has all of both, the first are its special words."""


def special_words(words: Container[str]) -> SpecialWords:
    """The special words of a vocabulary; of one that has no set of them whole, the set that most of are there."""
    return min(KNOWN_WORDS, key=lambda known: len(known.missing(words)))
