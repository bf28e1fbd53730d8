"""The vocabulary of a model folder, word half and visual half, with what is wrong in the files that hold them."""

from __future__ import annotations

import numpy as np

from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.doctor.next_steps import COPY_AGAIN, add_error, run_verb
from videobert.model.config import ModelConfig
from videobert.model.folder_parts import FolderParts
from videobert.model.mending import IMPORT_AGAIN
from videobert.model.recipe import Recipe
from videobert.model.summary import CodebookSizes, Words
from videobert.visual.codebook import Codebook

_TOKENIZER_BYTES = 64 << 20
# Below any codebook that `Codebook` accepts.
_CODEBOOK_BYTES = 8 << 30
# A sample of a vocabulary: all of a small one.
_FEW_WORDS, _SAMPLED = 60, 24
_SPECIAL = ("cls", "sep", "mask", "pad", "unknown")


def read_words(parts: FolderParts, config: ModelConfig | None, all_words: bool) -> Words | None:
    """The word half, from `tokenizer.json`; None, and a problem, where that cannot be read."""
    from videobert.text.reader import TextTokenizer

    name = "tokenizer.json"
    content = parts.read(name, _TOKENIZER_BYTES)
    if content is None:
        if not parts.has(name):
            parts.add(f"{name} is missing", f"Without it no text can be read. {COPY_AGAIN}", name)
        return None
    if config is None:
        return None
    try:
        tokenizer = TextTokenizer(content, config, Limits())
    except VideoBertError as error:
        add_error(parts, error, name)
        return None
    words = [tokenizer.word(int(index)) for index in np.flatnonzero(tokenizer.answers)]
    special = {tokenizer.word(index) for index in (getattr(tokenizer.special, name) for name in _SPECIAL)}
    shown = words if all_words or len(words) <= _FEW_WORDS else _sample(words)
    return Words(count=len(words), special=tuple(sorted(special)), shown=tuple(shown))


def _sample(words: list[str]) -> list[str]:
    """Some whole words from all over: the first of a large vocabulary are signs and places to spare."""
    whole = [word for word in words if word.isalpha()] or words
    return [whole[place * len(whole) // _SAMPLED] for place in range(min(_SAMPLED, len(whole)))]


def read_codebook(parts: FolderParts, config: ModelConfig | None, recipe: Recipe | None) -> CodebookSizes | None:
    """The visual half, from the codebook; None, and a problem, where that cannot be read."""
    name = "codebook.safetensors"
    content = parts.read(name, _CODEBOOK_BYTES)
    if content is None:
        if not parts.has(name) and (config is None or config.has_tokens):
            parts.add(
                f"{name} is missing: only text can be asked",
                IMPORT_AGAIN
                if config is not None and config.tokens_are_given
                else run_verb("cluster VIDEOS --model", parts.root),
                name,
            )
        return None
    try:
        codebook = Codebook.from_bytes(content)
    except VideoBertError as error:
        add_error(parts, error, name)
        return None
    if config is not None and (len(codebook), codebook.dim) != (config.visual_tokens, config.backbone.feature_dim):
        parts.add(
            f"{name} has {len(codebook)} visual tokens of {codebook.dim} values, config.json says "
            f"{config.visual_tokens} of {config.backbone.feature_dim}",
            IMPORT_AGAIN
            if config.tokens_are_given
            else "Put back the codebook that belongs to this model, or make another one with `videobert cluster`.",
            name,
        )
    if recipe is not None and codebook.clip_hash != recipe.clip_hash:
        other = "" if config is not None and config.tokens_are_given else ", or make another codebook"
        parts.add(f"{name} was made with another recipe", f"Put back the recipe{other}.", name)
    return CodebookSizes(
        hash=codebook.hash,
        leaves=len(codebook),
        dim=codebook.dim,
        levels=tuple(len(level.centroids) for level in codebook.levels or ()),
        agreement=codebook.agreement,
        samples=codebook.samples,
    )
