"""A tokenizer for a model folder, from a `tokenizer.json` or from BERT's `vocab.txt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.added_words import add_words
from videobert_modeling.importers.shared.special_names import new_names, rename_special
from videobert_modeling.importers.shared.tokenizer_config import BERTS, ROLES, SWITCHES, TokenizerConfig, config_beside
from videobert_modeling.importers.shared.tokenizer_kind import TokenizerKind

if TYPE_CHECKING:
    pass

_FILE_BYTES = 64 * 2**20
_SPECIAL = tuple(ROLES.values())
_LONGEST_WORD = 100


def find_tokenizer(folder: Path) -> Path | None:
    """The tokenizer file in a checkpoint's folder, if it has one."""
    return next((folder / name for name in ("tokenizer.json", "vocab.txt") if (folder / name).is_file()), None)


def read_tokenizer(path: Path, notes: list[str] | None = None) -> bytes:
    """The content of a `tokenizer.json`, as given or made from a `vocab.txt`.

    Case, accents and Chinese characters follow `tokenizer_config.json` beside it; without it a `vocab.txt` is read as
    for the uncased BERTs. Where it contradicts a `tokenizer.json` it holds, as in transformers' `BertTokenizer`.
    Special words that the source calls otherwise get BERT's names and keep their ids.

    Args:
        notes: what the reader should know is added to it.

    Raises:
        ModelError: the file or one beside it is missing, too large, not text, of another kind, or lacks BERT's special
            words.
    """
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise ModelError(
                f"{path.name} is too large (bytes)", allowed=_FILE_BYTES, fix="Use the tokenizer of a BERT."
            )
        content = path.read_bytes()
        config = config_beside(path)
        read = _configured if path.suffix == ".json" else _from_vocabulary
        made, said = read(content, config)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"the tokenizer {path.name} cannot be read", seen=str(error), fix="Get a whole copy of it."
        ) from error
    if notes is not None:
        notes += [*config.notes, *said]
        notes += [f"the special word {theirs} is called {ours} here" for ours, theirs in config.special.items()]
    return made


WORD_PIECES = TokenizerKind(find_tokenizer, read_tokenizer, "tokenizer.json or vocab.txt")
"""BERT's."""


def _from_vocabulary(content: bytes, config: TokenizerConfig) -> tuple[bytes, list[str]]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    config.check_kind(BERTS, "BERT")
    # Only \n ends a line: some of BERT's own words are other line separators.
    words = [line.rstrip("\r") for line in content.decode("utf-8").removesuffix("\n").split("\n")]
    ids: dict[str, int] = {}
    for index, word in enumerate(words):
        ids[word] = index  # as in BERT's own reader, the last of two equal lines counts
    names = new_names({**ids, **{token["content"]: index for index, token in config.added.items()}}, config)
    ids = {names.get(word, word): index for word, index in ids.items()}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD))
    switches = {theirs: config.switches.get(ours, usual) for ours, (theirs, usual) in SWITCHES.items()}
    tokenizer.normalizer = normalizers.BertNormalizer(**switches)  # type: ignore[arg-type]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    add_words(tokenizer, config, names, _SPECIAL)
    vocabulary = tokenizer.get_vocab()
    missing = [word for word in _SPECIAL if word not in vocabulary]
    if missing:
        raise ModelError("the vocabulary lacks special words", seen=missing, fix="Use BERT's vocab.txt.")
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer.to_str().encode(), []


def _configured(content: bytes, config: TokenizerConfig) -> tuple[bytes, list[str]]:
    """A tokenizer.json, changed only where the configuration beside it says something else."""
    fields = json.loads(content)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    notes = _switched(fields, config) if config.is_berts else []
    if config.special:
        rename_special(fields, config)
    elif not notes:
        return content, []
    return json.dumps(fields, ensure_ascii=False).encode(), notes


def _switched(fields: dict[str, Any], config: TokenizerConfig) -> list[str]:
    normalizer = fields.get("normalizer")
    if not isinstance(normalizer, dict) or normalizer.get("type") != "BertNormalizer":
        return []
    notes = []
    for name, value in config.switches.items():
        setting, usual = SWITCHES[name]
        before = normalizer.get(setting, usual)
        # No word on accents is what `lowercase` says.
        if before != value:
            normalizer[setting] = value
            notes.append(
                f"tokenizer_config.json says {name} = {json.dumps(value)} and tokenizer.json {json.dumps(before)}: the "
                "first holds, as in transformers' BertTokenizer"
            )
    return notes
