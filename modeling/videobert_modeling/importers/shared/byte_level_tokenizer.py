"""A byte-level tokenizer for a model folder, from RoBERTa's `tokenizer.json` or from `vocab.json` and `merges.txt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videobert.base.errors import ModelError
from videobert.text.special_ids import BERT_WORDS, ROBERTA_WORDS
from videobert_modeling.importers.shared.added_words import add_words
from videobert_modeling.importers.shared.special_names import new_names, rename_special
from videobert_modeling.importers.shared.tokenizer_config import TokenizerConfig, config_beside
from videobert_modeling.importers.shared.tokenizer_kind import TokenizerKind

if TYPE_CHECKING:
    pass

_FILE_BYTES = 64 * 2**20
_MOST_WORDS = 1_000_000
_VOCABULARY, _MERGES = "vocab.json", "merges.txt"
_ROLES = {
    "pad_token": ROBERTA_WORDS.pad,
    "unk_token": ROBERTA_WORDS.unknown,
    "cls_token": ROBERTA_WORDS.cls,
    "sep_token": ROBERTA_WORDS.sep,
    "mask_token": ROBERTA_WORDS.mask,
}
_BERTS = {BERT_WORDS.pad, BERT_WORDS.unknown, BERT_WORDS.cls, BERT_WORDS.sep, BERT_WORDS.mask}
# Classes that split as RoBERTa's from the same two files, with or without `Fast`.
_ROBERTAS = ("Roberta", "Longformer", "Bart", "LED")
_OWN = "Get a whole copy of it."

_FILES = f"tokenizer.json, or {_VOCABULARY} and {_MERGES}"


def find_byte_level(folder: Path) -> Path | None:
    """The tokenizer file in a checkpoint's folder, if it has one; a `vocab.json` stands for itself and the merges."""
    return next((folder / name for name in ("tokenizer.json", _VOCABULARY) if (folder / name).is_file()), None)


def read_byte_level(path: Path, notes: list[str] | None = None) -> bytes:
    """The content of a `tokenizer.json`, as given or made from a `vocab.json` and the `merges.txt` beside it.

    `add_prefix_space` follows `tokenizer_config.json` beside it, as in transformers. Special words that the source
    calls otherwise get RoBERTa's names, or keep them where they are BERT's, and keep their ids. In a tokenizer made
    from two files a space before a masked word belongs to that word, as in the published `tokenizer.json`.

    Args:
        notes: what the reader should know is added to it.

    Raises:
        ModelError: a file is missing, too large, damaged or of another kind, or lacks the special words.
    """
    try:
        content = _content(path)
        config = config_beside(path, _ROLES)
        made, said = _configured(content, config) if _is_whole(path, content) else _from_files(path, content, config)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"the tokenizer {path.name} cannot be read", seen=str(error), fix=_OWN) from error
    if notes is not None:
        notes += said
    return made


def _content(path: Path) -> bytes:
    if path.stat().st_size > _FILE_BYTES:
        raise ModelError(
            f"{path.name} is too large (bytes)", allowed=_FILE_BYTES, fix="Use the tokenizer of a RoBERTa."
        )
    return path.read_bytes()


def _is_whole(path: Path, content: bytes) -> bool:
    if path.suffix != ".json":
        raise ModelError(f"{path.name} is no byte-level tokenizer", seen=path.suffix, allowed=_FILES)
    fields = json.loads(content)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    return isinstance(fields.get("model"), dict)


def _configured(content: bytes, config: TokenizerConfig) -> tuple[bytes, list[str]]:
    """A tokenizer.json, changed only where the configuration beside it says something else."""
    fields = json.loads(content)
    notes = []
    part = fields.get("pre_tokenizer")
    if config.prefix_space is not None and isinstance(part, dict) and part.get("type") == "ByteLevel":
        before = part.get("add_prefix_space", True)
        if before != config.prefix_space:
            part["add_prefix_space"] = config.prefix_space
            notes.append(
                f"tokenizer_config.json says add_prefix_space = {json.dumps(config.prefix_space)} and tokenizer.json "
                f"{json.dumps(before)}: the first holds, as in transformers' RobertaTokenizer"
            )
    renamed = _renamed(config)
    if renamed:
        rename_special(fields, config)
    return (json.dumps(fields, ensure_ascii=False).encode() if notes or renamed else content), [*notes, *renamed]


def _from_files(path: Path, content: bytes, config: TokenizerConfig) -> tuple[bytes, list[str]]:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    config.check_kind(_ROBERTAS, "RoBERTa")
    ids = _vocabulary(path.name, json.loads(content))
    merges = _merges(path.parent / _MERGES)
    renamed = _renamed(config)
    everything = {**ids, **{token["content"]: index for index, token in config.added.items()}}
    names = new_names(everything, config) if renamed else {}
    ids = {names.get(word, word): index for word, index in ids.items()}
    special = [names.get(word, word) for word in _special(config)]
    try:
        tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges))
    except BaseException as error:  # the library's own errors have no type of their own
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise ModelError(f"{_MERGES} does not fit {path.name}", seen=str(error), fix=_OWN) from error
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(config.prefix_space))
    tokenizer.decoder = decoders.ByteLevel()
    add_words(tokenizer, config, names, special)
    vocabulary = tokenizer.get_vocab()
    missing = [word for word in special if word not in vocabulary]
    if missing:
        raise ModelError("the vocabulary lacks special words", seen=missing, fix="Use RoBERTa's vocab.json.")
    mask = special[list(_ROLES).index("mask_token")]
    # In the published tokenizer.json a space before a masked word belongs to that word.
    flags = {names.get(token["content"], token["content"]): token for token in config.added.values()}
    takes_space = flags.get(mask, {}).get("lstrip", True)
    tokenizer.add_special_tokens(
        [AddedToken(word, lstrip=takes_space and word == mask, normalized=False, special=True) for word in special]
    )
    return tokenizer.to_str().encode(), renamed


def _special(config: TokenizerConfig) -> list[str]:
    """The source's special words, in the order of `_ROLES`."""
    return [config.special.get(word, word) for word in _ROLES.values()]


def _renamed(config: TokenizerConfig) -> list[str]:
    """Notes of the special words that get other names; none where they are RoBERTa's, or BERT's all of them."""
    if set(_special(config)) == _BERTS:
        return []
    return [f"the special word {theirs} is called {ours} here" for ours, theirs in config.special.items()]


def _vocabulary(name: str, ids: Any) -> dict[str, int]:
    # The library goes through all ids up to the largest.
    whole = isinstance(ids, dict) and all(type(index) is int and 0 <= index < _MOST_WORDS for index in ids.values())
    if not whole or not ids or len(set(ids.values())) != len(ids):
        raise ModelError(f"{name} is no list of words with an id each", seen=type(ids).__name__, fix=_OWN)
    return dict(ids)


def _merges(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        raise ModelError(
            f"there is no {path.name} beside {_VOCABULARY}",
            allowed=_FILES,
            fix="Pass --tokenizer with a tokenizer.json.",
        )
    lines = _content(path).decode("utf-8").split("\n")
    pairs = []
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r")
        if not line or line.startswith("#version"):
            continue
        first, space, second = line.partition(" ")
        if not first or not space or not second or " " in second:
            raise ModelError(f"line {number} of {path.name} is no pair of pieces", seen=line[:80], fix=_OWN)
        pairs.append((first, second))
    return pairs


BYTE_LEVEL = TokenizerKind(find_byte_level, read_byte_level, _FILES)
"""RoBERTa's."""
