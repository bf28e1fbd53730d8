"""`tokenizer.json` of a model folder. It is not trusted: parts that can run away are refused before they are made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from videobert.base.errors import ModelError
from videobert.text.word_patterns import is_accepted

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN = "[UNK]"
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


def read_tokenizer(content: bytes) -> Tokenizer:
    """The tokenizer in `content`, without truncation, padding, and whatever adds words of its own.

    Raises:
        ModelError: it is damaged, or has a part or a setting that is not accepted.
    """
    from tokenizers import Tokenizer

    try:
        fields = json.loads(content)
        if not isinstance(fields, dict):
            raise TypeError("not an object")
        _check(fields)
        # Written anew: what was checked is what is read.
        unused = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
        return Tokenizer.from_str(json.dumps(fields | unused))
    except (KeyboardInterrupt, SystemExit, ModelError):
        raise
    except BaseException as error:  # the library's own panics derive from BaseException
        raise ModelError("tokenizer.json cannot be read", seen=f"{type(error).__name__}: {error}", fix=_OWN) from error


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
    if settings.get("unk_token", UNKNOWN) not in (UNKNOWN, None):
        raise _refused("model.unk_token", settings["unk_token"], UNKNOWN)


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
        fix="Use a tokenizer of the BERT family.",
    )
