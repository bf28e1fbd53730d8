"""Words beyond a vocabulary, which the files beside it tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.tokenizer_config import TokenizerConfig

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def add_words(
    tokenizer: Tokenizer, config: TokenizerConfig, names: Mapping[str, str], special: Collection[str]
) -> None:
    """Add `config.added` to a tokenizer, each word with the id that it has there.

    Args:
        names: new names of words, see `new_names`.
        special: special words, which are added afterwards where the vocabulary has them.

    Raises:
        ModelError: a word cannot have its id.
    """
    from tokenizers import AddedToken

    words = {index: names.get(token["content"], token["content"]) for index, token in config.added.items()}
    new = {
        index: word for index, word in words.items() if not (word in special and tokenizer.token_to_id(word) == index)
    }
    # All in one call: each one searches all words that were added before it.
    tokenizer.add_tokens([AddedToken(**(config.added[index] | {"content": word})) for index, word in new.items()])
    for index, word in new.items():
        if tokenizer.token_to_id(word) != index:
            raise ModelError(
                f"the added word {word} cannot have its id",
                seen=f"id {index} in the files beside the vocabulary",
                allowed=f"id {tokenizer.token_to_id(word)}, the next one",
                fix="Pass --tokenizer with a whole tokenizer.json.",
            )
