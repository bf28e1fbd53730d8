"""Special words under the names that the run side knows them by, whatever the source calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.tokenizer_config import TokenizerConfig


def rename_special(fields: dict[str, Any], config: TokenizerConfig) -> None:
    """Give special words our names in the fields of a `tokenizer.json`; they keep their ids.

    Raises:
        ModelError: the vocabulary is no list of words and ids, or lacks a word.
    """
    model = fields.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    added = fields.get("added_tokens") or []
    if not isinstance(model, dict) or not isinstance(vocabulary, dict) or not _are_words(added):
        raise ModelError(
            "special words of other names can be read from a vocabulary of words and ids only",
            seen=", ".join(config.special.values()),
            fix=f"Pass --tokenizer with a tokenizer.json that calls them {', '.join(config.special)}.",
        )
    names = new_names({**vocabulary, **{token["content"]: token["id"] for token in added}}, config)
    model["vocab"] = {names.get(word, word): index for word, index in vocabulary.items()}
    for token in added:
        token["content"] = names.get(token["content"], token["content"])
    if isinstance(unknown := model.get("unk_token"), str):
        model["unk_token"] = names.get(unknown, unknown)
    fields["post_processor"] = None  # it names the special words too, and is not used here


def _are_words(added: object) -> bool:
    return isinstance(added, list) and all(
        isinstance(token, dict) and isinstance(token.get("content"), str) and type(token.get("id")) is int
        for token in added
    )


def new_names(ids: Mapping[str, int], config: TokenizerConfig) -> dict[str, str]:
    """New names of words: special words get ours, and a word that has such a name already takes what is left over.

    Raises:
        ModelError: the vocabulary lacks a special word that the source names, or one word stands for two of them.
    """
    special = {word: config.special.get(word, word) for word in config.roles.values()}
    missing = [theirs for theirs in config.special.values() if theirs not in ids]
    if missing or len(set(special.values())) < len(special):
        raise ModelError(
            "tokenizer_config.json names special words that the vocabulary lacks, or one word for two of them",
            seen=", ".join(missing or special.values()),
            fix="Get a whole copy of the checkpoint.",
        )
    names = {theirs: ours for ours, theirs in config.special.items()}
    displaced = [ours for ours in config.special if ours in ids and ours not in names]
    return names | dict(zip(displaced, [word for word in names if word not in config.special], strict=False))
