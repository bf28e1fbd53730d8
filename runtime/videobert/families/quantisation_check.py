"""Whether int8 and fp8 graphs of a model can be judged, found out before any work."""

from __future__ import annotations

from videobert.base.errors import UsageError
from videobert.families.family import Capability
from videobert.families.registry import capabilities_of
from videobert.model.config import ModelConfig
from videobert.model.graph_files import check_quantisable
from videobert.model.precision import FLOAT_PRECISIONS, QUANTISED
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import stage_specs

# Answers that quantised graphs are held to: those of texts and films whose inputs can be made without either.
_JUDGED_BY: frozenset[Capability] = frozenset({"embeds", "aligns", "fills_words", "fills_moments"})


def check_judgeable(config: ModelConfig, precision: str) -> None:
    """Refuse int8 and fp8 of a model that has nothing to quantise, or nothing to judge it by.

    Raises:
        UsageError: it has no encoder, or none that a vector or an answer needs.
    """
    specs = stage_specs(config, Recipe())
    check_quantisable(specs, precision)
    if precision in QUANTISED and not capabilities_of(config) & _JUDGED_BY:
        raise UsageError(
            f"there is nothing to judge this model's encoders by in {precision}: no vector of a text or a film needs "
            "them",
            seen=", ".join(spec.name for spec in specs if spec.is_encoder),
            allowed=", ".join(FLOAT_PRECISIONS),
            fix="Use one of those.",
        )
