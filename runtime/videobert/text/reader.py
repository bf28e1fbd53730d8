"""Text to word pieces. Text is untrusted: nothing written in it can become a special token."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from videobert.base.errors import LimitExceeded, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.base.spans import span
from videobert.model.config import ModelConfig
from videobert.text import byte_level
from videobert.text.special_ids import SpecialIds
from videobert.text.tokenizer_file import read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Encoding

MASK = "[MASK]"
# Hieroglyphs: a word that next to no vocabulary has.
_PROBE = "\U00013080\U000130c0"
# A character of UTF-8 has at most four bytes, each a piece where a tokenizer falls back to bytes.
_PIECES_PER_CHARACTER = 4
# Punctuation that stands at the word before it.
_CLOSING = ".,;:!?'%)]}"
_PADDED_TO = (8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text as the model reads it.

    Args:
        pieces: ids of its word pieces, without `[CLS]` and `[SEP]`.
        known_words, unknown_words: its words as they are written, each once and in order: those that the model has, and
            those of which a part became `[UNK]`. Punctuation alone is no word.
        after_space: for each masked word whether a word begins there, see `TextTokenizer.word`.
    """

    pieces: list[int]
    known_words: tuple[str, ...]
    unknown_words: tuple[str, ...]
    after_space: tuple[bool, ...] = ()


class TextTokenizer:
    """The tokenizer of a model folder. Thread-safe.

    Attributes:
        special: ids of the special words.
        answers: bool `(words,)`: which ids are real words, that a reader can be shown as an answer.
        masks: how a masked word may be written in a text: `[MASK]`, or as the tokenizer itself calls it.

    Args:
        content: `tokenizer.json`, the format of the `tokenizers` library.
        config: the model it belongs to; its ids must lie in `0..words-1`.
        limits: the longest text taken.

    Raises:
        ModelError: the file is damaged, has parts that are not accepted, lacks a special word, fails at words that it
            does not know, or does not fit the model's table of words, see `check_fit`.
    """

    def __init__(self, content: bytes, config: ModelConfig, limits: Limits) -> None:
        self._file = read_tokenizer(content)
        self._tokenizer = self._file.tokenizer
        # Special words found in a text are split like any other word.
        self._tokenizer.encode_special_tokens = True
        self._limits = limits
        vocabulary, names = self._file.vocabulary, self._file.special
        self.masks = tuple(dict.fromkeys((MASK, names.mask)))
        self._at_masks = re.compile("|".join(map(re.escape, self.masks)))
        self.special = SpecialIds(**{field: vocabulary[word] for field, word in asdict(names).items()})
        self._words = {index: word for word, index in vocabulary.items()}
        check_fit(max(self._words) + 1, config.words)
        special = self.special
        self._reserved = frozenset((special.cls, special.sep, special.mask, special.pad))
        self.answers: npt.NDArray[np.bool_] = np.zeros(config.words, np.bool_)
        self.answers[list(self._readable() - self._reserved - {special.unknown})] = True
        if not self.answers.any():
            raise ModelError(
                "tokenizer.json has no words",
                seen=f"{len(self._words)} words, all of them special",
                fix="Use the tokenizer that the model was trained with.",
            )
        # A tokenizer whose unknown word is not in its vocabulary fails at the first one that it meets.
        if not len(self._encode(_PROBE)) and self._file.byte_level:
            raise ModelError(
                "tokenizer.json drops what it does not know",
                seen=f"{len(self._words)} words",
                allowed="a piece for each byte, or an unknown word",
                fix="Use the tokenizer that the model was trained with.",
            )

    def encode(self, text: str) -> list[int]:
        """Word ids of plain text; see `read`."""
        return self.read(text).pieces

    def read(self, text: str, *, masks: bool = False) -> ReadText:
        """Word ids of a text, and which of its words are known.

        Args:
            masks: whether each of `masks` is a masked word; if not, it is plain text.

        Raises:
            UsageError: it is no text.
            LimitExceeded: the text is longer than `Limits.max_text_chars`.
        """
        self._check(text)
        *before, last = self._at_masks.split(text) if masks else [text]
        known: dict[str, bool] = {}
        pieces: list[int] = []
        begins: list[bool] = []
        for part in before:
            pieces.extend(self._pieces(part.rstrip() if self._file.mask_takes_space else part, known))
            begins.append(self._begins_word(part, first=not pieces))
            pieces.append(self.special.mask)
        pieces.extend(self._pieces(last, known))
        return ReadText(
            pieces,
            tuple(word for word, is_known in known.items() if is_known),
            tuple(word for word, is_known in known.items() if not is_known),
            tuple(begins),
        )

    def split_at_masks(self, text: str) -> list[str]:
        """The parts of a text between its masked words."""
        return self._at_masks.split(text)

    def word(self, index: int, *, after_space: bool = True) -> str:
        """The word or word piece with this id, as it fills a place in a text.

        Args:
            after_space: whether a word begins there; see `videobert.text.byte_level.shown`, other tokenizers write
                their pieces alike everywhere.
        """
        word = self._words.get(index, self._file.special.unknown)
        if not self._file.byte_level or index in self._file.added:
            return word
        return byte_level.shown(word, after_space=after_space)

    def sentence(self, ids: Iterable[int]) -> str:
        """Words that were written one after the other, as a reader sees them: pieces joined, spaces as in print."""
        if self._file.byte_level:
            whole = "".join(self.word(index, after_space=False) for index in ids)
            return " ".join(whole.split())
        text = ""
        for index in ids:
            word = self.word(index)
            joins = word.startswith("##") or (len(word) == 1 and word in _CLOSING)
            after_apostrophe = text.endswith("'") and text[-2:-1].isalnum()
            text += "" if joins or not text or after_apostrophe else " "
            text += word.removeprefix("##")
        return text

    def label_has_space(self, before: str) -> bool:
        """Whether the space before a label that stands behind `before` is part of the label's first piece."""
        return self._file.byte_level and before[-1:].isspace()

    def label(self, label: str, *, space: bool) -> list[int]:
        """Word ids of a label within a text; `space` as `label_has_space` says."""
        self._check(label)
        return self._pieces(f" {label.lstrip()}" if space else label, {})

    def _readable(self) -> set[int]:
        """Ids of words that a reader can be shown."""
        if not self._file.byte_level:
            return set(self._words)
        return {i for i, word in self._words.items() if i in self._file.added or byte_level.is_answer(word)}

    def _begins_word(self, before: str, *, first: bool) -> bool:
        """Whether a word begins at a masked word that stands behind `before`, `first` in its text or not."""
        if not self._file.byte_level:
            return True
        return (self._file.mask_takes_space and before[-1:].isspace()) or (self._file.prefix_space and first)

    def _pieces(self, text: str, known: dict[str, bool]) -> list[int]:
        """Word ids; adds the words to `known`."""
        text = _clean(text)
        with span("text"):
            encoding = self._encode(text)
        # A tokenizer that splits at spaces alone would still find `[MASK]` among its ordinary words.
        ids = [self.special.unknown if index in self._reserved else index for index in encoding.ids]
        # Where each word begins and ends in the text, and whether all of its pieces are known.
        words: dict[int | None, tuple[int, int, bool]] = {}
        for index, number, (start, stop) in zip(ids, encoding.word_ids, encoding.offsets, strict=True):
            begin, _, is_known = words.get(number, (start, stop, True))
            words[number] = (begin, stop, is_known and index != self.special.unknown)
        for start, stop, is_known in words.values():
            word = text[start:stop].strip()
            if not all(map(_is_punctuation, word)):
                known[word] = known.get(word, True) and is_known
        return ids

    def _encode(self, text: str) -> Encoding:
        try:
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # the library's own panics derive from BaseException
            raise ModelError(
                "tokenizer.json cannot encode a text",
                seen=f"{type(error).__name__}: {error}",
                fix="Use the tokenizer that the model was trained with.",
            ) from error
        most = _PIECES_PER_CHARACTER * self._limits.max_text_chars
        if len(encoding) > most:
            raise LimitExceeded(
                "the text has too many word pieces",
                seen=len(encoding),
                allowed=f"{most}, {_PIECES_PER_CHARACTER} for each of max_text_chars",
                fix="Shorten it, or raise Limits(max_text_chars=…).",
                fix_cli="Shorten it, or raise --max-text-chars.",
            )
        return encoding

    def _check(self, text: object) -> None:
        if not isinstance(text, str):
            raise UsageError("a text is needed", seen=type(text).__name__, allowed="str", fix="Pass the text as a str.")
        if len(text) > self._limits.max_text_chars:
            raise LimitExceeded(
                "the text is too long",
                seen=f"{len(text)} characters",
                allowed=f"up to {self._limits.max_text_chars} characters",
                fix="Shorten it, or raise Limits(max_text_chars=…).",
                fix_cli="Shorten it, or raise --max-text-chars.",
            )


def check_fit(words: int, rows: int) -> None:
    """Whether a tokenizer belongs to a table with a row for each word: as many words as rows, or fewer by padding only.

    Trainers lengthen a table to a multiple of 8, 16, … 128; no text ever reaches the rows that are added.

    Raises:
        ModelError: it does not.
    """
    if words > rows:
        raise ModelError(
            "tokenizer.json has more words than the model",
            seen=words,
            allowed=rows,
            fix="Use the tokenizer that the model was trained with.",
        )
    if rows not in (words, *(-(-words // multiple) * multiple for multiple in _PADDED_TO)):
        raise ModelError(
            "tokenizer.json has fewer words than the model",
            seen=words,
            allowed=f"{rows}, or fewer where {rows} is the next multiple of {', '.join(map(str, _PADDED_TO))}",
            fix="Use the tokenizer that the model was trained with.",
        )


def _clean(text: str) -> str:
    """Lone surrogates, which no encoding can carry, become the replacement character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_punctuation(character: str) -> bool:
    # As BERT splits words: every ASCII sign, so `$` and `+` too.
    return character in string.punctuation or unicodedata.category(character)[0] in "PZC"
