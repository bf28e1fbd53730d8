"""The families by the name that `config.json` gives, and what is said of a model that lacks a capability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from videobert.base.errors import ModelError
from videobert.families.conse import Conse
from videobert.families.family import Capability, Family, Parts, RunStages, WordTable
from videobert.families.milnce import MilNce
from videobert.families.next_token import NextToken
from videobert.families.univl import UniVl
from videobert.families.videobert import VideoBert
from videobert.model.config import ModelConfig
from videobert.model.folder import bundled_names, find
from videobert.text.reader import TextTokenizer


class FamilyClass(Protocol):
    """A family before a model of it is opened.

    Attributes:
        head_for: for each capability that models of the family may have, the head that gives it; None for one that
            every model has.
    """

    @property
    def head_for(self) -> Mapping[Capability, str | None]: ...

    def word_table(self, config: ModelConfig) -> WordTable:
        """The table of its encoder in the weights."""
        ...

    def parts(self, config: ModelConfig) -> Mapping[Capability, Parts]:
        """What of a model each capability rests on."""
        ...

    def __call__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStages) -> Family: ...


FAMILIES: dict[str, FamilyClass] = {
    "videobert": VideoBert,
    "conse": Conse,
    "univl": UniVl,
    "milnce": MilNce,
    "next_token": NextToken,
}
_CANNOT: dict[Capability, str] = {
    "fills_words": "fill in words",
    "fills_moments": "fill in moments of a video",
    "aligns": "judge whether a text belongs to a video",
    "embeds": "turn a video or a text into a vector",
    "classifies": "choose among labels",
    "generates": "write sentences",
    "forecasts": "tell what comes next in a video",
}


def open_family(config: ModelConfig, tokenizer: TextTokenizer, run: RunStages) -> Family:
    """The family of a model, whose name was checked when `config.json` was read."""
    return FAMILIES[config.family](config, tokenizer, run)


def capabilities_of(config: ModelConfig) -> frozenset[Capability]:
    """What a model can do by its family and heads, be its folder complete or not."""
    head_for = FAMILIES[config.family].head_for
    return frozenset(name for name, head in head_for.items() if head is None or head in config.heads)


def lacks(config: ModelConfig, capability: Capability) -> ModelError:
    """The error about a model that is asked for what it cannot do: what it has, and which models can."""
    head = FAMILIES[config.family].head_for.get(capability)
    who = f"models of the family {config.family}" if head is None else f"this model has no {head} head, so it"
    able = [name for name in bundled_names() if capability in capabilities_of(_bundled(name))]
    own = ", or ".join(said for name, said in _CANNOT.items() if name in capabilities_of(config))
    return ModelError(
        f"{who} cannot {_CANNOT[capability]}",
        seen=f"{config.name}, which can {own}" if head is None else f"the heads of {config.name}: {_heads(config)}",
        allowed="; ".join(_kinds_with(capability)),
        fix=f"Use another model{', such as ' * bool(able)}{' or '.join(able)}; "
        "`videobert show MODEL` says what one can be asked.",
    )


def _heads(config: ModelConfig) -> str:
    return ", ".join(config.heads) or "none"


def _kinds_with(capability: Capability) -> list[str]:
    """Which families have a capability, and with which head."""
    heads = {name: family.head_for[capability] for name, family in FAMILIES.items() if capability in family.head_for}
    return [name if head is None else f"{name} with the {head} head" for name, head in heads.items()]


def _bundled(name: str) -> ModelConfig:
    return ModelConfig.read(find(name) / "config.json")
