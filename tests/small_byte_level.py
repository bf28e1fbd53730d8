"""A small byte-level tokenizer as RoBERTa has it: all bytes, merges of a few words, `<mask>` as the last word."""

from __future__ import annotations

from typing import Any


def byte_level(size: int, *, mask_takes_space: bool = True, **pre_tokenizer: Any) -> bytes:
    """A `tokenizer.json` of `size` words: RoBERTa's special words, all bytes, and merges of a few English words."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words, merges = vocabulary(size)
    tokenizer = Tokenizer(models.BPE(words, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **pre_tokenizer})
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.add_special_tokens([AddedToken(w, lstrip=w == "<mask>" and mask_takes_space) for w in special])
    return tokenizer.to_str().encode()


SENTENCE = "a red circle moves to the left and the blue square stays where it was"


def vocabulary(size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Words by id and merges: `<mask>` is the last word, as in the published vocabulary."""
    from tokenizers import pre_tokenizers

    words = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges: dict[tuple[str, str], None] = {}
    for word in SENTENCE.split():
        for start in ("Ġ", ""):
            pieces = [*start, *word]
            while len(pieces) > 1:
                merges[(pieces[0], pieces[1])] = None
                pieces = [pieces[0] + pieces[1], *pieces[2:]]
    words += dict.fromkeys(first + second for first, second in merges)
    words += [f"filler{place}" for place in range(size - 1 - len(words))]
    words.append("<mask>")
    assert len(words) == size
    return {word: index for index, word in enumerate(words)}, list(merges)
