"""`tokenizer.json` of a model folder. It is not trusted: parts that can run away are refused before they are made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from videobert.base.errors import ModelError
from videobert.text.special_ids import KNOWN_WORDS, SpecialWords, special_words
from videobert.text.word_patterns import is_accepted

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# What comes with a pattern of its own (Replace, Split, Precompiled, …) can take for ever or grow a text without bound;
# see `videobert.text.word_patterns` for patterns that do not.
_NORMALIZERS = {"BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Strip", "StripAccents"}
_PRE_TOKENIZERS = {
    "BertPreTokenizer",
    "ByteLevel",
    "Digits",
    "Metaspace",
    "Punctuation",
    "Whitespace",
    "WhitespaceSplit",
}
# A word's pieces are looked up from every start to every end.
_LONGEST_WORD = 1000
_OWN = "Use the tokenizer that the model was trained with."


@dataclass(frozen=True, slots=True)
class TokenizerFile:
    """What a `tokenizer.json` holds.

    Args:
        tokenizer: without truncation, padding, and whatever adds words of its own.
        vocabulary: ids by word, added words included.
        special: how its special words are written.
        added: ids of words that were added to the vocabulary, which are written as they are.
        byte_level: whether all others are pieces of `videobert.text.byte_level`.
        prefix_space: of a byte-level tokenizer: whether it puts a space before a text.
        mask_takes_space: of a byte-level tokenizer: whether a space before a masked word belongs to that word.
    """

    tokenizer: Tokenizer
    vocabulary: dict[str, int]
    special: SpecialWords
    added: frozenset[int]
    byte_level: bool
    prefix_space: bool
    mask_takes_space: bool


def read_tokenizer(content: bytes) -> TokenizerFile:
    """The tokenizer in `content`.

    Raises:
        ModelError: it is damaged, has a part or a setting that is not accepted, or lacks special words.
    """
    from tokenizers import Tokenizer

    try:
        fields = json.loads(content)
        if not isinstance(fields, dict):
            raise TypeError("not an object")
        _check(fields)
        byte_level = _byte_level(fields)
        if byte_level is not None:
            _name_unknown(fields["model"])
        # Written anew: what was checked is what is read.
        unused = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
        tokenizer = Tokenizer.from_str(json.dumps(fields | unused))
        vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=True)
    except (KeyboardInterrupt, SystemExit, ModelError):
        raise
    except BaseException as error:  # the library's own panics derive from BaseException
        raise ModelError("tokenizer.json cannot be read", seen=f"{type(error).__name__}: {error}", fix=_OWN) from error
    special = special_words(vocabulary)
    _check_special(special, vocabulary, fields["model"])
    added = tokenizer.get_added_tokens_decoder()
    return TokenizerFile(
        tokenizer,
        vocabulary,
        special,
        frozenset(added),
        byte_level=byte_level is not None,
        prefix_space=byte_level is not None and bool(byte_level.get("add_prefix_space")),
        mask_takes_space=any(token.content == special.mask and token.lstrip for token in added.values()),
    )


def _byte_level(fields: dict[str, Any]) -> dict[str, Any] | None:
    """The part that writes text as bytes before the vocabulary is looked into, if there is one."""
    parts = [*_parts(fields.get("normalizer"), "normalizers"), *_parts(fields.get("pre_tokenizer"), "pretokenizers")]
    return next((part for part in parts if part["type"] == "ByteLevel"), None)


def _parts(part: dict[str, Any] | None, members: str) -> list[dict[str, Any]]:
    """A part, or those that a sequence has, all of them checked before."""
    if part is None:
        return []
    return [inner for member in part[members] for inner in _parts(member, members)] if members in part else [part]


def _name_unknown(model: dict[str, Any]) -> None:
    """A byte that the vocabulary lacks becomes the unknown word, where it would be dropped without a word."""
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict) and model.get("type") == "BPE" and model.get("unk_token") is None:
        unknown = special_words(vocabulary).unknown
        model["unk_token"] = unknown if unknown in vocabulary else None


def _check_special(special: SpecialWords, vocabulary: dict[str, int], model: dict[str, Any]) -> None:
    missing = special.missing(vocabulary)
    if missing:
        raise ModelError(
            "tokenizer.json lacks special words",
            seen=missing,
            fix="Use a tokenizer with [CLS], [SEP], [MASK], [PAD] and [UNK], or with <s>, </s>, <mask>, <pad> and "
            "<unk>.",
        )
    unknown = model.get("unk_token")
    if unknown not in (special.unknown, None):
        raise _refused("model.unk_token", unknown, special.unknown)


def _check(fields: dict[str, Any]) -> None:
    _check_part("normalizer", fields.get("normalizer"), "normalizers", _NORMALIZERS)
    _check_part("pre_tokenizer", fields.get("pre_tokenizer"), "pretokenizers", _PRE_TOKENIZERS)
    model = fields.get("model")
    settings = model if isinstance(model, dict) else {}
    longest = settings.get("max_input_chars_per_word", 0)
    if not isinstance(longest, int) or longest > _LONGEST_WORD:
        raise _refused("model.max_input_chars_per_word", longest, f"at most {_LONGEST_WORD}")
    if settings.get("dropout"):
        raise _refused("model.dropout", settings["dropout"], "none: one text has one reading")
    unknown = [words.unknown for words in KNOWN_WORDS]
    if settings.get("unk_token") not in (*unknown, None):
        raise _refused("model.unk_token", settings["unk_token"], " or ".join(unknown))


def _check_part(name: str, part: Any, members: str, allowed: set[str]) -> None:
    if part is None:
        return
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "Sequence" and isinstance(part.get(members), list):
        for member in part[members]:
            _check_part(name, member, members, allowed)
    elif kind not in allowed and not (name == "pre_tokenizer" and is_accepted(part)):
        raise _refused(name, kind, ", ".join(sorted(allowed)))


def _refused(name: str, seen: object, allowed: str) -> ModelError:
    return ModelError(
        f"tokenizer.json has a {name} that is not accepted",
        seen=seen,
        allowed=allowed,
        fix="Use a tokenizer of the BERT or RoBERTa family.",
    )
