"""What the files beside a BERT's vocabulary say of how it splits text: case, accents, special and added words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videobert.base.errors import ModelError

_FILE_BYTES = 64 * 2**20
# Our names of BERT's special words, by the field that may give the source's own.
ROLES = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
# By the field of `tokenizer_config.json`: what `BertNormalizer` calls it, and its value where nothing is said.
SWITCHES: dict[str, tuple[str, bool | None]] = {
    "do_lower_case": ("lowercase", True),
    "strip_accents": ("strip_accents", None),  # None: as `lowercase`
    "tokenize_chinese_chars": ("handle_chinese_chars", True),
}
_WITHOUT_EFFECT = {"do_basic_tokenize": (None, True), "never_split": (None, [])}
# Classes that split as BERT's, with or without `Fast`; a class of no model in particular says nothing.
BERTS = ("Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "Lxmert", "RetriBert")
_GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The settings that matter here, as far as they are said.

    Args:
        kind: the class that the source's tokenizer belongs to; None if not said.
        switches: values of `SWITCHES`, by the name of the field.
        special: the source's special words by our name, where they are called otherwise.
        added: words beyond the vocabulary, by id: the arguments of an `AddedToken`.
        roles: our names of special words, by the field that may give the source's own.
        prefix_space: of a byte-level tokenizer, whether it puts a space before a text; None if not said.
        notes: what the reader of the ledger should know.
    """

    kind: str | None = None
    switches: dict[str, bool | None] = field(default_factory=dict)
    special: dict[str, str] = field(default_factory=dict)
    added: dict[int, dict[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)
    prefix_space: bool | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_berts(self) -> bool:
        """Whether the source's class is BERT's, which reads a tokenizer.json by its own switches."""
        return self.kind is None or self._is_of(BERTS)

    def check_kind(self, known: tuple[str, ...], whose: str) -> None:
        """Whether a list of words alone tells how the source splits text.

        Args:
            known: the classes that do as `whose`, without `Tokenizer` and `Fast`.

        Raises:
            ModelError: it does not.
        """
        if self.kind is not None and not self._is_of(known) and self.kind not in _GENERAL:
            raise ModelError(
                f"tokenizer_config.json names a tokenizer that does not split words as {whose} does",
                seen=self.kind,
                allowed=", ".join([*(f"{name}Tokenizer" for name in known), *_GENERAL]),
                fix="Pass --tokenizer with a tokenizer.json that splits as the model was trained.",
            )

    def _is_of(self, known: tuple[str, ...]) -> bool:
        return (self.kind or "").removesuffix("Fast") in (f"{name}Tokenizer" for name in known)


def config_beside(tokenizer: Path, roles: Mapping[str, str] = ROLES) -> TokenizerConfig:
    """What `tokenizer_config.json`, and in older folders `special_tokens_map.json` and `added_tokens.json`, say.

    Args:
        tokenizer: the file that they lie beside.
        roles: our names of the special words; BERT's if not given.

    Raises:
        ModelError: one of them is damaged.
    """
    folder = tokenizer.parent
    fields = _object(folder / "tokenizer_config.json")
    kind = fields.get("tokenizer_class")
    if not isinstance(kind, str | None):
        raise _damaged("tokenizer_config.json", f"tokenizer_class = {kind!r}", "a text")
    notes = [
        f"tokenizer_config.json says {name}, which has no effect here, as in transformers' BertTokenizer"
        for name, usual in _WITHOUT_EFFECT.items()
        if fields.get(name) not in usual
    ]
    names = fields if "added_tokens_decoder" in fields else fields | _object(folder / "special_tokens_map.json")
    special = {ours: _word(names, role) for role, ours in roles.items() if names.get(role) is not None}
    space = fields.get("add_prefix_space")
    return TokenizerConfig(
        kind=kind,
        switches={name: _switch(fields, name) for name in SWITCHES if name in fields},
        special={ours: theirs for ours, theirs in special.items() if theirs != ours},
        added=_added(fields, folder),
        roles=roles,
        prefix_space=space if isinstance(space, bool) else None,
        notes=tuple(notes),
    )


def _switch(fields: dict[str, Any], name: str) -> bool | None:
    value = fields[name]
    if value is None:
        return SWITCHES[name][1]
    if not isinstance(value, bool):
        raise _damaged("tokenizer_config.json", f"{name} = {value!r}", "true, false or null")
    return value


def _word(fields: dict[str, Any], role: str) -> str:
    value = fields[role]
    word = value.get("content") if isinstance(value, dict) else value
    if not isinstance(word, str) or not word:
        raise _damaged("tokenizer_config.json", f"{role} = {value!r}", "a word")
    return word


def _added(fields: dict[str, Any], folder: Path) -> dict[int, dict[str, Any]]:
    if "added_tokens_decoder" in fields:
        listed, where = fields["added_tokens_decoder"], "tokenizer_config.json: added_tokens_decoder"
    else:
        where = "added_tokens.json"
        by_word = _object(folder / where)
        listed = {str(index): {"content": word} for word, index in by_word.items()}
    try:
        return {int(index): _token(token) for index, token in sorted(listed.items(), key=lambda item: int(item[0]))}
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise _damaged(where, f"{type(error).__name__}: {error}", "words by their id") from error


def _token(token: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(token["content"], str) or not token["content"]:
        raise ValueError(f"the word {token['content']!r}")
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"content": token["content"], **{name: bool(token[name]) for name in flags if name in token}}


def _object(path: Path) -> dict[str, Any]:
    """The fields of a JSON file; none if there is no such file."""
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise ValueError(f"larger than {_FILE_BYTES} bytes")
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path.name} beside the tokenizer cannot be read", seen=str(error), fix="Get a whole copy of it."
        ) from error
    if not isinstance(fields, dict):
        raise _damaged(path.name, type(fields).__name__, "an object")
    return fields


def _damaged(name: str, seen: str, allowed: str) -> ModelError:
    return ModelError(
        f"{name} beside the tokenizer cannot be used", seen=seen, allowed=allowed, fix="Get a whole copy of it."
    )
