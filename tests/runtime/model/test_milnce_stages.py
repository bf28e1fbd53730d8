"""The stages of MIL-NCE's two towers: what the documentation says of them, and with which parts a model has which."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.small_milnce import CONFIG, RECIPE

from videobert.base.errors import ModelError
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs

DOCS = Path(__file__).parents[3] / "docs" / "model-folder.md"


def row(spec: StageSpec) -> str:
    sides = (
        "; ".join(
            f"`{tensor.name}` {tensor.dtype} ({', '.join(f'`{a.name}`' if a.is_free else a.name for a in tensor.axes)})"
            for tensor in tensors
        )
        for tensors in (spec.inputs, spec.outputs)
    )
    return f"| `{spec.name}` | {' | '.join(sides)} |"


def test_the_documentation_has_both_towers() -> None:
    _, *towers = stage_specs(CONFIG, RECIPE)
    assert [spec.name for spec in towers] == ["video_embedding", "text_embedding"]
    assert "\n".join(map(row, towers)) in DOCS.read_text(encoding="utf-8")


def test_a_text_has_all_of_its_places_and_is_built_alone() -> None:
    text = stage_specs(CONFIG, RECIPE)[-1]
    assert text.inputs[0].shape == (-1, 16)
    assert (text.of_text, text.keeps_fp32, text.lengths) == (True, True, None)


def test_visual_tokens_bring_their_stage() -> None:
    with_tokens = dataclasses.replace(CONFIG, visual_tokens=5)
    names = [spec.name for spec in stage_specs(with_tokens, RECIPE)]
    assert names == ["backbone", "nearest", "video_embedding", "text_embedding"]


def test_a_model_without_towers_is_refused() -> None:
    with pytest.raises(ModelError, match="two_towers"):
        stage_specs(dataclasses.replace(CONFIG, two_towers=None), RECIPE)
