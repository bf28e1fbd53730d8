"""The stages of a model of the next token, as the documentation has them."""

from __future__ import annotations

from tests.runtime.model.test_milnce_stages import DOCS, row
from tests.small_next_token import CONFIG, RECIPE

from videobert.model.stage_lists import stage_specs


def test_the_documentation_has_them() -> None:
    backbone, nearest, *own = stage_specs(CONFIG, RECIPE)
    assert (backbone.name, nearest.name) == ("backbone", "nearest")
    assert [spec.name for spec in own] == ["past_encoder", "next_token_head"]
    assert "\n".join(map(row, own)) in DOCS.read_text(encoding="utf-8")


def test_no_lengths_are_needed_and_each_layer_of_the_decoder_attends_twice() -> None:
    past = stage_specs(CONFIG, RECIPE)[2]
    assert (past.lengths, past.attentions) == (None, 3 * CONFIG.encoder.layers)
    assert [axis.longest for axis in past.free_axes] == [None, CONFIG.encoder.positions]
