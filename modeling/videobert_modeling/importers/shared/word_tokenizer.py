"""A `tokenizer.json` of whole words: each has the row of its place in a list, and all others are unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from videobert.text.special_ids import BERT_WORDS
from videobert.text.word_patterns import split_by


def word_tokenizer(words: Sequence[str | None], special: Mapping[str, int], pattern: str) -> bytes:
    """The content of the file: lower case, cut by a pattern.

    Args:
        words: by row; None for a row that no text reaches. Of two equal ones the last counts, as in the programs that
            read such lists into a dict.
        special: rows of the special words by our names, `[UNK]` among them; several may share one.
        pattern: see `videobert.text.word_patterns`.
    """
    rows = {word: row for row, word in enumerate(words) if word is not None}
    fields: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": split_by(pattern),
        "model": {"type": "WordLevel", "vocab": {**rows, **special}, "unk_token": BERT_WORDS.unknown},
    }
    return json.dumps(fields, ensure_ascii=False).encode()
