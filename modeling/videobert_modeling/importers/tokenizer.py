"""A tokenizer for a model folder, from a `tokenizer.json` or from BERT's `vocab.txt`."""

from __future__ import annotations

import json
from pathlib import Path

from videobert.errors import ModelError

_FILE_BYTES = 64 * 2**20
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LONGEST_WORD = 100


def find_tokenizer(folder: Path) -> Path | None:
    """The tokenizer file in a checkpoint's folder, if it has one."""
    return next((folder / name for name in ("tokenizer.json", "vocab.txt") if (folder / name).is_file()), None)


def read_tokenizer(path: Path) -> bytes:
    """The content of a `tokenizer.json`, as given or made from a `vocab.txt`.

    Lower case and accents follow `tokenizer_config.json` beside a `vocab.txt`; without it, `do_lower_case` holds, as
    for the uncased BERTs.

    Raises:
        ModelError: the file is missing, too large, not text, or lacks BERT's special words.
    """
    try:
        if path.stat().st_size > _FILE_BYTES:
            raise ModelError(f"{path.name} is too large (bytes)", allowed=_FILE_BYTES)
        content = path.read_bytes()
        return content if path.suffix == ".json" else _from_vocabulary(content.decode("utf-8"), _lower_case(path))
    except (OSError, ValueError) as error:
        raise ModelError(f"the tokenizer {path.name} cannot be read", seen=str(error)) from error


def _lower_case(vocabulary: Path) -> bool:
    config = vocabulary.parent / "tokenizer_config.json"
    if not config.is_file():
        return True
    fields = json.loads(config.read_text(encoding="utf-8"))
    return not isinstance(fields, dict) or fields.get("do_lower_case", True) is not False


def _from_vocabulary(text: str, lower_case: bool) -> bytes:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    # Only \n ends a line: some of BERT's own words are other line separators.
    words = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")]
    ids: dict[str, int] = {}
    for index, word in enumerate(words):
        ids[word] = index  # as in BERT's own reader, the last of two equal lines counts
    missing = [word for word in _SPECIAL if word not in ids]
    if missing:
        raise ModelError("the vocabulary lacks special words", seen=missing, fix="Use BERT's vocab.txt.")
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower_case)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer.to_str().encode()
