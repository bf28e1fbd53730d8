"""The stages of a model: what each graph of a model folder computes."""

from __future__ import annotations

from typing import Literal

Stage = Literal["backbone", "encoder", "text_head", "visual_head", "alignment_head"]
STAGES: tuple[Stage, ...] = ("backbone", "encoder", "text_head", "visual_head", "alignment_head")
