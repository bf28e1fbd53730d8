"""Which verbs a model can be asked, by what it is able to do."""

from __future__ import annotations

from videobert.families.registry import capabilities_of
from videobert.model.config import ModelConfig
from videobert.model.questions import sentiment_question
from videobert.model.summary import Verb


def askable(config: ModelConfig, *, sees: bool) -> tuple[Verb, ...]:
    """The verbs, in their order.

    Args:
        sees: whether it takes videos: it works on features, or has its codebook.
    """
    can = capabilities_of(config)
    needed: dict[Verb, bool] = {
        "run": sees and ("classifies" in can or not config.questions),
        "tokens": sees and config.has_tokens,
        "features": sees,
        "embed": "embeds" in can,
        "fill": "fills_words" in can or (sees and "fills_moments" in can),
        "classify": sees and "classifies" in can,
        "align": sees and "aligns" in can,
        "caption": sees and ("generates" in can or bool(config.questions)),
        "answer": sees and bool(can & {"aligns", "fills_words", "generates"}),
        "events": sees and ("classifies" in can or bool(config.questions)),
        "forecast": sees and "forecasts" in can,
        "index": sees and "embeds" in can,
        "search": sees and "embeds" in can,
        "summarize": sees,
        "sentiment": sees and sentiment_question(config.questions) is not None,
        "locate": sees and bool(can & {"aligns", "fills_words"}),
        "edit": sees,
    }
    return tuple(verb for verb, is_there in needed.items() if is_there)
