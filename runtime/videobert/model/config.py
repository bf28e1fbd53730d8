"""`config.json` of a model folder: architecture, sizes, heads and the questions the model can answer."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from videobert.base.errors import ModelError

FORMAT_VERSION = 1
HEADS = ("text", "visual", "alignment")
# Far above any model of this kind; a folder of unknown origin cannot ask for more memory than that.
_MOST = {
    "words": 1_000_000,
    "visual_tokens": 65_536,
    "window_clips": 65_536,
    "backbone.width": 64,
    "backbone.feature_dim": 16_384,
    "encoder.layers": 256,
    "encoder.width": 16_384,
    "encoder.heads": 1024,
    "encoder.feed_forward": 65_536,
    "encoder.positions": 65_536,
    "encoder.segments": 1024,
    "encoder.layer_norm_eps": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneConfig:
    """The visual backbone. `feature_dim` is the width of the vector it gives for a clip."""

    kind: Literal["s3d"] = "s3d"
    width: float = 1.0
    feature_dim: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """The joint encoder: a BERT encoder with LayerNorm after each residual sum (arXiv 1810.04805)."""

    layers: int = 12
    width: int = 768
    heads: int = 12
    feed_forward: int = 3072
    positions: int = 512
    segments: int = 2
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionConfig:
    """A question that `run` puts to every segment: fill-in templates and the labels to choose from.

    Each template holds one `[MASK]`; each label is a single word of the tokenizer, with optional `{label}` use left
    to callers of `classify`.
    """

    templates: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Everything a runtime must know before it opens a graph.

    Ids: words `0..words-1`, visual tokens `words..words+visual_tokens-1`, the joiner `[>]` = `words + visual_tokens`.

    Args:
        alignment_pooler: whether the alignment head has BERT's dense layer and tanh before its two logits.
        window_clips: clips that one joint sequence holds in `classify`, `align` and `run` (longer video is cut).
        out_of_domain_percentile: a video whose median distance percentile is above this is flagged.
    """

    name: str
    words: int
    visual_tokens: int
    backbone: BackboneConfig = BackboneConfig()
    encoder: EncoderConfig = EncoderConfig()
    heads: tuple[str, ...] = HEADS
    alignment_pooler: bool = True
    window_clips: int = 16
    out_of_domain_percentile: float = 99.0
    questions: dict[str, QuestionConfig] = field(default_factory=dict)
    family: Literal["videobert"] = "videobert"
    format: int = FORMAT_VERSION

    @property
    def joiner_id(self) -> int:
        """Id of `[>]`, the last row of the token table."""
        return self.words + self.visual_tokens

    @property
    def vocabulary(self) -> int:
        """Rows of the token table."""
        return self.words + self.visual_tokens + 1

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, fields: object) -> ModelConfig:
        """The configuration that `to_json` wrote.

        Raises:
            ModelError: unknown or missing fields, wrong types, impossible sizes, or a newer format.
        """
        if isinstance(fields, dict) and fields.get("format") != FORMAT_VERSION:
            raise ModelError(
                "config.json: this model folder has a format that is not known",
                seen=fields.get("format"),
                allowed=FORMAT_VERSION,
                fix="Install the videobert release that wrote it.",
            )
        config = _build(cls, fields, "config.json")
        config._check()
        return config

    @classmethod
    def read(cls, path: Path) -> ModelConfig:
        """The configuration in the file `path`."""
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{path.name} cannot be read", seen=str(error), fix="Check that the model folder is complete."
            ) from error

    def _check(self) -> None:
        encoder = self.encoder
        for name, value in (("family", self.family), ("backbone.kind", self.backbone.kind)):
            allowed = {"family": "videobert", "backbone.kind": "s3d"}[name]
            if value != allowed:
                raise _wrong(name, value, allowed)
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 128 or not self.name.isprintable():
            raise _wrong("name", self.name, "a printable text of at most 128 characters")
        whole = {
            "words": self.words,
            "visual_tokens": self.visual_tokens,
            "window_clips": self.window_clips,
            "backbone.feature_dim": self.backbone.feature_dim,
            **{f"encoder.{k}": v for k, v in dataclasses.asdict(encoder).items() if k != "layer_norm_eps"},
        }
        for name, value in whole.items():
            if type(value) is not int or not 0 < value <= _MOST[name]:
                raise _wrong(name, value, f"a whole number, 1 to {_MOST[name]}")
        real = {"backbone.width": self.backbone.width, "encoder.layer_norm_eps": encoder.layer_norm_eps}
        for name, number in real.items():
            if type(number) not in (int, float) or not 0 < number <= _MOST[name]:
                raise _wrong(name, number, f"a number above 0, at most {_MOST[name]}")
        if encoder.width % encoder.heads:
            raise _wrong("encoder.width", encoder.width, f"a multiple of encoder.heads = {encoder.heads}")
        if not _texts(self.heads) or not set(self.heads) <= set(HEADS):
            raise _wrong("heads", self.heads, HEADS)
        if type(self.alignment_pooler) is not bool:
            raise _wrong("alignment_pooler", self.alignment_pooler, "true or false")
        percentile = self.out_of_domain_percentile
        if type(percentile) not in (int, float) or not 0 <= percentile <= 100:
            raise _wrong("out_of_domain_percentile", percentile, "0 to 100")
        for name, question in self.questions.items():
            for field_name, texts in (("templates", question.templates), ("labels", question.labels)):
                if not _texts(texts) or not texts:
                    raise _wrong(f"questions.{name}.{field_name}", texts, "a list of texts, not empty")


_T = TypeVar("_T")
_NESTED: dict[str, type] = {"backbone": BackboneConfig, "encoder": EncoderConfig}


def _build(cls: type[_T], fields: object, where: str) -> _T:
    names = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    if not isinstance(fields, dict) or not set(fields) <= names:
        raise ModelError(
            f"{where} does not have the fields it should",
            seen=sorted(fields) if isinstance(fields, dict) else type(fields).__name__,
            allowed=sorted(names),
            fix="Correct it in config.json, or install the videobert release that wrote it.",
        )
    values: dict[str, Any] = {}
    for key, value in fields.items():
        if key in _NESTED and cls is ModelConfig:
            value = _build(_NESTED[key], value, f"{where}: {key}")
        elif key == "questions":
            if not isinstance(value, dict):
                raise _wrong("questions", value, "an object")
            value = {k: _build(QuestionConfig, v, f"{where}: questions.{k}") for k, v in value.items()}
        elif isinstance(value, list):
            value = tuple(value)
        values[key] = value
    try:
        return cls(**values)
    except TypeError as error:
        raise ModelError(f"{where} lacks a field", seen=str(error), fix="Correct it in config.json.") from error


def _texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in value)


def _wrong(name: str, seen: object, allowed: object) -> ModelError:
    return ModelError(
        f"config.json: {name} is out of range", seen=seen, allowed=allowed, fix="Correct it in config.json."
    )
