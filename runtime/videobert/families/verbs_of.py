"""What a model can be asked, told from its configuration: for `videobert show`, and for its card."""

from __future__ import annotations

from typing import get_args

from videobert.families.registry import capabilities_of
from videobert.model.config import ModelConfig
from videobert.model.questions import sentiment_question
from videobert.model.summary import Verb

HEADING = "## What it can be asked"


def verbs_of(config: ModelConfig, *, sees: bool) -> tuple[Verb, ...]:
    """The verbs that a model answers, in the order of the command's help.

    Args:
        sees: whether it has its codebook. Without one it is asked of text alone, unless it has no visual tokens.
    """
    can = capabilities_of(config)
    sees = sees or not config.has_tokens
    answers: dict[Verb, bool] = {
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
        "locate": sees and bool(can & {"aligns", "fills_words"}),
        "summarize": sees,
        "sentiment": sees and sentiment_question(config.questions) is not None,
        "edit": sees,
    }
    return tuple(verb for verb, does in answers.items() if does)


def section_of(config: ModelConfig, *, sees: bool) -> str:
    """What a card says of it, in Markdown: a heading and two paragraphs at most, without an end of line.

    Args:
        sees: see `verbs_of`.
    """
    asked = verbs_of(config, sees=sees)
    rest = [verb for verb in get_args(Verb) if verb not in asked]
    text = f"{HEADING}\n\n{_names(asked) or 'Nothing'}: `videobert VERB --help` says how."
    return text if not rest else f"{text}\n\nNot of this model: {_names(rest)}."


def with_section(card: str, config: ModelConfig, *, sees: bool) -> str:
    """A card with this section in place of an earlier one, or at its end.

    Args:
        sees: see `verbs_of`.
    """
    before, _, after = card.partition(f"{HEADING}\n")
    # The rest of an earlier section goes, up to the next heading.
    after = after[after.index("\n## ") + 1 :] if "\n## " in after else ""
    parts = (before.rstrip("\n"), section_of(config, sees=sees), after.rstrip("\n"))
    return "\n\n".join(part for part in parts if part) + "\n"


def _names(verbs: tuple[Verb, ...] | list[Verb]) -> str:
    return ", ".join(f"`{verb}`" for verb in verbs)
