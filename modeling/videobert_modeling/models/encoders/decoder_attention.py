"""What a decoder's layers attend to: the words so far and the states that are told of, each with places of no meaning.

In plain operators, which every engine's parser knows. Weights of places that are left out are zero whatever these
hold, so padding cannot matter.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Score of a place that is left out: finite in fp16, and its exponential beside any real score is zero in every type.
_FAR = -3e4


class DecoderAttention:
    """Attention of a decoder's queries, `(batch, heads, length, head_size)`; the answers have that shape too.

    Keys and values are `(batch, places, heads, head_size)`, as a cache keeps them.
    """

    def over_words(
        self, query: Tensor, past_keys: Tensor, past_values: Tensor, past_lengths: Tensor, keys: Tensor, values: Tensor
    ) -> Tensor:
        """Each word looks at the first `past_lengths` places of the past, and at the words up to itself.

        Args:
            past_keys, past_values: `(batch, past, heads, head_size)`; what stands past a length has no influence.
            past_lengths: int64 `(batch,)`, 0 to `past`.
            keys, values: `(batch, length, heads, head_size)`, of the words themselves.
        """
        batch, past, length = query.shape[0], past_keys.shape[1], keys.shape[1]
        before = torch.arange(past, device=query.device)[None] < past_lengths[:, None]  # (batch, past)
        own = torch.arange(length, device=query.device)
        seen = torch.cat(
            [
                before[:, None].expand(batch, length, past),
                (own[None] <= own[:, None])[None].expand(batch, length, length),
            ],
            dim=2,
        )
        return _attend(query, torch.cat([past_keys, keys], 1), torch.cat([past_values, values], 1), seen[:, None])

    def over_memory(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Each word looks at the places where `mask`, int64 `(batch, memory)`, is 1; at least one is."""
        return _attend(query, keys, values, (mask > 0)[:, None, None])


def _attend(query: Tensor, keys: Tensor, values: Tensor, seen: Tensor) -> Tensor:
    query = query * query.shape[-1] ** -0.5
    scores = query @ keys.to(query.dtype).permute(0, 2, 3, 1)
    weights = torch.where(seen, scores, _FAR).softmax(-1)
    return weights.to(query.dtype) @ values.to(query.dtype).transpose(1, 2)
