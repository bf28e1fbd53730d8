"""A decoder's steps of one word on the kernels that read a key/value cache."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from videobert_kernels import append_to_cache, attention_decode
from videobert_kernels.ops.attention.configs import HEAD_SIZES
from videobert_modeling.models.encoders.decoder import Decoder
from videobert_modeling.models.encoders.decoder_attention import DecoderAttention


class KernelAttention(DecoderAttention):
    """One word a row goes through `attention_decode`; more words at a time attend as usual.

    Where the kernels have no heads of this size, heads are filled up with zeros, which changes no score.

    Args:
        head_size: what they are filled up to.
    """

    def __init__(self, head_size: int) -> None:
        self._head_size = head_size

    def over_words(
        self, query: Tensor, past_keys: Tensor, past_values: Tensor, past_lengths: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        """See `DecoderAttention.over_words`."""
        if query.shape[2] != 1:
            return super().over_words(query, past_keys, past_values, past_lengths, keys, values)
        # With room for the word itself, and a copy: the caller's cache stays as it is.
        key_cache, value_cache = (self._filled(past, query, rows=1) for past in (past_keys, past_values))
        key, value = (self._filled(new, query)[:, 0] for new in (keys, values))
        lengths = past_lengths.int()
        append_to_cache(key, value, key_cache, value_cache, lengths)
        return self._decoded(query, key_cache, value_cache, lengths + 1)

    def over_memory(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """See `DecoderAttention.over_memory`."""
        if query.shape[2] != 1:
            return super().over_memory(query, keys, values, mask)
        # The kernel reads the first rows, and attention does not ask for their order: real places go to the front.
        real = mask > 0
        order = torch.argsort((~real).to(torch.int8), dim=1, stable=True)[..., None, None].expand_as(keys)
        first_keys, first_values = (self._filled(each.gather(1, order), query) for each in (keys, values))
        return self._decoded(query, first_keys, first_values, real.sum(1, dtype=torch.int32))

    def _decoded(self, query: Tensor, keys: Tensor, values: Tensor, lengths: Tensor) -> Tensor:
        size = query.shape[3]
        asked = self._filled(query[:, :, 0], query)
        answer = attention_decode(asked, keys, values, lengths, scale=size**-0.5)
        return answer[:, :, None, :size]

    def _filled(self, values: Tensor, like: Tensor, rows: int = 0) -> Tensor:
        """Heads of the kernels' size, in the query's type, with so many more rows behind those of a cache."""
        more = (0, self._head_size - values.shape[-1], *((0, 0, 0, rows) if rows else ()))
        return functional.pad(values.to(like.dtype), more).contiguous()


def use_kernels(decoder: Decoder) -> str | None:
    """Let the decoder's steps run on the kernels; what is done otherwise than usual, or None.

    Whole sentences attend as they do in the module.
    """
    own = decoder.head_size
    size = min((size for size in HEAD_SIZES if size >= own), default=None)
    if size is None:
        return f"steps in plain operators, as heads of {own} have no kernel, only those of {HEAD_SIZES}"
    decoder.attend = KernelAttention(size)
    if size == own:
        return None
    return f"heads of {own} filled up with zeros to {size}: only those of {HEAD_SIZES} have a kernel"
