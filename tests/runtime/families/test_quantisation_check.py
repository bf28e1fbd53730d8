"""int8 and fp8 of a model that cannot be judged are refused before any work."""

from __future__ import annotations

import pytest
from tests.small_milnce import CONFIG as MILNCE
from tests.small_next_token import CONFIG as NEXT_TOKEN

from videobert.base.errors import UsageError
from videobert.families.quantisation_check import check_judgeable
from videobert.model.config import ModelConfig


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_a_model_that_forecasts_alone_has_nothing_to_be_judged_by(precision: str) -> None:
    with pytest.raises(UsageError, match=f"nothing to judge this model's encoders by in {precision}") as refused:
        check_judgeable(NEXT_TOKEN, precision)
    assert refused.value.seen == "past_encoder"
    assert refused.value.allowed == "fp32, fp16, bf16"


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_other_precisions_need_no_judge(precision: str) -> None:
    for config in (NEXT_TOKEN, MILNCE):
        check_judgeable(config, precision)


def test_a_model_with_answers_can_be_judged() -> None:
    check_judgeable(ModelConfig(name="x", words=10, visual_tokens=4, heads=("text",)), "fp8")
