"""Inputs to trace and to check the graphs of a decoder with."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert.model.stage import StageSpec

Inputs = dict[str, Tensor]


def decoder_inputs(spec: StageSpec, random: torch.Generator) -> tuple[Inputs, tuple[Inputs, ...]]:
    """An example for either stage of a decoder, and trials: steps of one word, the beginning, whole sentences.

    Rows have pasts of unlike lengths, and places without meaning hold numbers that would show.
    """
    longest = {axis.name: axis.longest or 64 for axis in spec.free_axes}
    words = {axis.name: axis.size for tensor in spec.outputs for axis in tensor.axes}.get("words")

    def given(batch: int, length: int, past: int, memory: int) -> Inputs:
        wanted = {"length": length, "past": past, "memory": memory}
        sizes = {name: min(wanted[name], longest[name]) for name in wanted if name in longest} | {spec.batch: batch}
        room = min(sizes.get("past", 0), longest.get("length", 0) - sizes.get("length", 0))
        made: Inputs = {}
        for tensor in spec.inputs:
            shape = tensor.shape_with(sizes)
            if tensor.name == "ids":
                made[tensor.name] = torch.randint(words or 1, shape, generator=random)
            elif tensor.name == "past_lengths":
                made[tensor.name] = torch.randint(room + 1, shape, generator=random)
            elif tensor.name == "memory_mask":
                made[tensor.name] = torch.randint(2, shape, generator=random)
                made[tensor.name][:, 0] = 1
            else:
                made[tensor.name] = torch.randn(shape, generator=random)
        if "past_keys" in made:
            beyond = torch.arange(sizes["past"]) >= made["past_lengths"][:, None]
            made["past_keys"][beyond[:, None].expand(made["past_keys"].shape[:3])] = 100.0
        return made

    return given(2, 3, 5, 7), (given(5, 1, 16, 40), given(1, 1, 1, 3), given(3, 9, 1, 96), given(2, 4, 6, 20))
