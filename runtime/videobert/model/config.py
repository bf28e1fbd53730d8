"""`config.json` of a model folder: architecture, sizes, heads and the questions the model can answer."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from videobert.base.errors import ModelError
from videobert.model.backbone_kinds import BackboneKind, why_not_feature_dim
from videobert.model.questions import AbstainConfig, QuestionConfig, check_questions

FORMAT_VERSION = 1
FamilyName = Literal["videobert", "conse", "univl", "milnce", "next_token"]
FusionKind = Literal["concat", "cross_attention"]
# Fields that later releases added: absent where they say nothing, so that older folders keep their bytes.
_ABSENT: dict[str, Any] = {
    "token_question": None,
    "text_space": None,
    "shots": None,
    "two_streams": None,
    "two_towers": None,
    "untrained": [],
}
_ABSENT_IN_QUESTIONS: dict[str, Any] = {
    "templates": [],
    "answered_by": "templates",
    "abstain": None,
    "of": None,
    "groups": [],
}
# In `untrained`: the rows of visual tokens in a table that words and visual tokens share.
VISUAL_TOKENS = "visual_tokens"
HEADS = ("text", "visual", "alignment")
# Those, and what writes sentences.
_ALL_HEADS = (*HEADS, "decoder")
# Families that work on features, so that a model of theirs may have no visual tokens.
_WITHOUT_TOKENS = ("univl", "milnce")
# Families whose stages are all their models have: there is no head to choose.
_WITHOUT_HEADS = ("conse", "milnce", "next_token")
# Beyond these, log-odds of similarities would be infinite, and probabilities no numbers.
_MOST_SIMILARITY = 1e6
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

    kind: BackboneKind = "s3d"
    width: float = 1.0
    feature_dim: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """The joint encoder, or a text encoder: BERT's, LayerNorm after each residual sum (arXiv 1810.04805)."""

    layers: int = 12
    width: int = 768
    heads: int = 12
    feed_forward: int = 3072
    positions: int = 512
    segments: int = 2
    layer_norm_eps: float = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpaceConfig:
    """Text and video in one space, by convex combination of semantic embeddings (arXiv 1312.5650).

    A clip's vector is the mean of the labels' text vectors, weighted by their probabilities.

    Args:
        question: whose labels those are, answered by features.
        label_templates: sentences with one `{label}` each; a label's vector is the mean of theirs.
        label_texts: for each label the texts that stand for it, in place of templates; their mean is its vector.
        query_templates: the same for labels that a caller gives to `classify`.
        top: how many of the most probable labels count.
        cosine_at_half: cosine of a text and a clip at which it is as likely as not that they belong together.
        cosine_scale: change of the cosine by which the log-odds of that change by one.
        unsure_penalty: how much lower the log-odds are of a clip whose question is left open.
    """

    question: str
    label_templates: tuple[str, ...] = ("{label}",)
    label_texts: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    query_templates: tuple[str, ...] = ("{label}",)
    top: int = 10
    cosine_at_half: float = 0.5
    cosine_scale: float = 0.1
    unsure_penalty: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotsConfig:
    """What finds cuts: the network of the stage `shot_boundaries`, and the probability from which a frame is one."""

    kind: Literal["transnet_v2"] = "transnet_v2"
    probability_at_least: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStreamsConfig:
    """An encoder of video beside that of text, what joins them, and what writes sentences (UniVL, arXiv 2002.06353).

    All are as wide as the text encoder.

    Args:
        video: the encoder of features.
        fusion: the layers over both, `positions` for both together; None where the streams meet in vectors alone.
        fusion_kind: whether the places of a stream attend to those of both streams, put behind each other, or to those
            of the other one. The weights have the same shapes.
        decoder: its layers; None where the model has no decoder.
        text_room: places that a text has before the video's, which begin there whatever the text's length.
        normalize_video: whether a LayerNorm stands before the video encoder's first layer of weights.
    """

    video: EncoderConfig
    fusion: EncoderConfig | None
    fusion_kind: FusionKind = "concat"
    decoder: EncoderConfig | None = None
    text_room: int = 48
    normalize_video: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoTowersConfig:
    """Text and video each as a vector, trained so that those of one moment agree (MIL-NCE, arXiv 1912.06430).

    How well a text and a clip agree is the dot product of their vectors. It is a log-odds but for a constant that the
    training does not find: only differences between texts, or between clips, were trained.

    Args:
        width: of the vectors.
        similarity_at_half: the similarity that is given as log-odds of zero.
        similarity_scale: change of the similarity by which these log-odds change by one.
    """

    width: int = 512
    similarity_at_half: float = 0.0
    similarity_scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Everything a runtime must know before it opens a graph.

    Ids: words `0..words-1`, visual tokens `words..words+visual_tokens-1`, the joiner `[>]` = `words + visual_tokens`.

    Args:
        visual_tokens: leaves of the codebook; 0 in a model without one, which works on features.
        alignment_pooler: whether the alignment head has BERT's dense layer and tanh before its two logits.
        window_clips: clips that one joint sequence holds in `classify`, `align` and `run` (longer video is cut).
        out_of_domain_percentile: a video whose median distance percentile is above this is flagged.
        token_question: the question whose labels the visual tokens are, label i for token i: the codebook is then a
            classifier's, distances to its centroids mean nothing, and a token has a probability instead.
        text_space: of the family `conse`.
        shots: what finds cuts; None where no part of the model does.
        two_streams: of a family that has an encoder for video beside that for text.
        two_towers: of the family `milnce`, whose `encoder` tells of words alone: `width` of a word's vector,
            `feed_forward` of the layer behind it, and `positions`, the words of a text.
        untrained: stages that hold what they began with, and `visual_tokens` where those rows of the token table do.
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
    family: FamilyName = "videobert"
    token_question: str | None = None
    text_space: TextSpaceConfig | None = None
    shots: ShotsConfig | None = None
    two_streams: TwoStreamsConfig | None = None
    two_towers: TwoTowersConfig | None = None
    untrained: tuple[str, ...] = ()
    format: int = FORMAT_VERSION

    @property
    def joiner_id(self) -> int:
        """Id of `[>]`, the last row of the token table."""
        return self.words + self.visual_tokens

    @property
    def vocabulary(self) -> int:
        """Rows of the token table."""
        return self.words + self.visual_tokens + 1

    @property
    def has_tokens(self) -> bool:
        """Whether features become visual tokens; if not, the family works on features alone."""
        return self.visual_tokens > 0

    @property
    def tokens_are_given(self) -> bool:
        """Whether its visual tokens mean what it was trained on and nothing else, so that others tell it nothing."""
        return self.family == "next_token"

    @property
    def codebook_dim(self) -> int:
        """Width of a centroid: a classifier's codebook has a column more than features, see `Codebook.lifted`."""
        return self.backbone.feature_dim + (self.token_question is not None)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        fields: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        for question in fields["questions"].values():
            _leave_out(question, _ABSENT_IN_QUESTIONS)
        _leave_out(fields, _ABSENT)
        return fields

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
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(
                f"{path.name} cannot be read", seen=str(error), fix="Check that the model folder is complete."
            ) from error

    def _check(self) -> None:
        encoder = self.encoder
        for name, value, allowed in (
            ("family", self.family, get_args(FamilyName)),
            ("backbone.kind", self.backbone.kind, get_args(BackboneKind)),
        ):
            if value not in allowed:
                raise _wrong(name, value, ", ".join(allowed))
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 128 or not self.name.isprintable():
            raise _wrong("name", self.name, "a printable text of at most 128 characters")
        _check_whole("words", self.words)
        if self.visual_tokens != 0 or self.family not in _WITHOUT_TOKENS:
            _check_whole("visual_tokens", self.visual_tokens)
        _check_whole("window_clips", self.window_clips)
        _check_whole("backbone.feature_dim", self.backbone.feature_dim)
        _check_real("backbone.width", self.backbone.width)
        backbone = self.backbone
        allowed_dim = why_not_feature_dim(backbone.kind, backbone.width, backbone.feature_dim)
        if allowed_dim is not None:
            raise _wrong("backbone.feature_dim", backbone.feature_dim, allowed_dim)
        _check_encoder("encoder", encoder)
        allowed_heads = _ALL_HEADS if self.family == "univl" else HEADS
        if not _texts(self.heads) or not set(self.heads) <= set(allowed_heads):
            raise _wrong("heads", self.heads, allowed_heads)
        if type(self.alignment_pooler) is not bool:
            raise _wrong("alignment_pooler", self.alignment_pooler, "true or false")
        percentile = self.out_of_domain_percentile
        if type(percentile) not in (int, float) or not 0 <= percentile <= 100:
            raise _wrong("out_of_domain_percentile", percentile, "0 to 100")
        if not _texts(self.untrained):
            raise _wrong("untrained", self.untrained, "names of stages, and visual_tokens")
        check_questions(self.questions)
        self._check_spaces()
        if (self.family == "univl") != (self.two_streams is not None):
            raise _wrong("two_streams", self.two_streams, "fields where family is univl, else null")
        if self.two_streams is not None:
            _check_two_streams(self.two_streams, encoder, self.heads)

    def _check_spaces(self) -> None:
        asked = {name for name, question in self.questions.items() if question.answered_by == "features"}
        named = [("token_question", self.token_question)]
        if self.text_space is not None:
            _check_text_space(self.text_space)
            asked_for = self.questions.get(self.text_space.question)
            texts = self.text_space.label_texts
            if texts and asked_for is not None and len(texts) != len(asked_for.labels):
                raise _wrong("text_space.label_texts", f"{len(texts)} labels", f"{len(asked_for.labels)}, or none")
            named.append(("text_space.question", self.text_space.question))
        for name, value in named:
            if value is not None and not (isinstance(value, str) and value in asked):
                raise _wrong(name, value, "the name of a question that features answer")
        tokens = None if self.token_question is None else len(self.questions[self.token_question].labels)
        if tokens not in (None, self.visual_tokens):
            raise _wrong("visual_tokens", self.visual_tokens, f"{tokens}, the labels of {self.token_question}")
        if (self.family == "conse") != (self.text_space is not None):
            raise _wrong("text_space", self.text_space, "fields where family is conse, else null")
        if self.family in _WITHOUT_HEADS and self.heads:
            raise _wrong("heads", self.heads, f"none, as family {self.family} has no joint encoder")
        if (self.family == "milnce") != (self.two_towers is not None):
            raise _wrong("two_towers", self.two_towers, "fields where family is milnce, else null")
        if self.two_towers is not None:
            _check_two_towers(self.two_towers)
        if self.family == "next_token" and self.encoder.segments != 2:
            raise _wrong("encoder.segments", self.encoder.segments, "2, text and video")
        if self.shots is not None:
            least = self.shots.probability_at_least
            if self.shots.kind != "transnet_v2":
                raise _wrong("shots.kind", self.shots.kind, "transnet_v2")
            if type(least) not in (int, float) or not 0 < least < 1:
                raise _wrong("shots.probability_at_least", least, "between 0 and 1")


def _check_whole(name: str, value: object, most: int | None = None) -> None:
    most = _MOST[name] if most is None else most
    if type(value) is not int or not 0 < value <= most:
        raise _wrong(name, value, f"a whole number, 1 to {most}")


def _check_real(name: str, value: object, most: int | None = None) -> None:
    most = _MOST[name] if most is None else most
    if type(value) not in (int, float) or not 0 < value <= most:  # type: ignore[operator]  # a number by now
        raise _wrong(name, value, f"a number above 0, at most {most}")


def _check_encoder(name: str, encoder: EncoderConfig) -> None:
    for size in ("layers", "width", "heads", "feed_forward", "positions", "segments"):
        _check_whole(f"{name}.{size}", getattr(encoder, size), _MOST[f"encoder.{size}"])
    _check_real(f"{name}.layer_norm_eps", encoder.layer_norm_eps, _MOST["encoder.layer_norm_eps"])
    if encoder.width % encoder.heads:
        raise _wrong(f"{name}.width", encoder.width, f"a multiple of {name}.heads = {encoder.heads}")


def _check_two_streams(streams: TwoStreamsConfig, encoder: EncoderConfig, heads: tuple[str, ...]) -> None:
    stacks = {"video": streams.video, "fusion": streams.fusion, "decoder": streams.decoder}
    for name, stack in stacks.items():
        if stack is None:
            continue
        _check_encoder(f"two_streams.{name}", stack)
        if stack.width != encoder.width:
            raise _wrong(f"two_streams.{name}.width", stack.width, f"{encoder.width}, as wide as the encoder")
    if streams.fusion_kind not in get_args(FusionKind):
        raise _wrong("two_streams.fusion_kind", streams.fusion_kind, ", ".join(get_args(FusionKind)))
    if streams.fusion is None and heads:
        raise _wrong("heads", heads, "none, as all of them work on fused states and two_streams.fusion is null")
    if ("decoder" in heads) != (streams.decoder is not None):
        raise _wrong("two_streams.decoder", streams.decoder, "fields where heads has decoder, else null")
    if streams.fusion is not None and streams.fusion.segments < 2:
        raise _wrong("two_streams.fusion.segments", streams.fusion.segments, "2 or more, one for each stream")
    if streams.decoder is not None and streams.decoder.positions > encoder.positions:
        allowed = f"at most {encoder.positions}, whose table it shares"
        raise _wrong("two_streams.decoder.positions", streams.decoder.positions, allowed)
    most = encoder.positions if streams.fusion is None else min(encoder.positions, streams.fusion.positions - 1)
    _check_whole("two_streams.text_room", streams.text_room, most)
    if type(streams.normalize_video) is not bool:
        raise _wrong("two_streams.normalize_video", streams.normalize_video, "true or false")


def _check_two_towers(towers: TwoTowersConfig) -> None:
    _check_whole("two_towers.width", towers.width, _MOST["encoder.width"])
    for name, least, most in (
        ("similarity_at_half", -_MOST_SIMILARITY, _MOST_SIMILARITY),
        ("similarity_scale", 1 / _MOST_SIMILARITY, _MOST_SIMILARITY),
    ):
        value = getattr(towers, name)
        if type(value) not in (int, float) or not least <= value <= most:
            raise _wrong(f"two_towers.{name}", value, f"{least:g} to {most:g}")


def _check_text_space(space: TextSpaceConfig) -> None:
    for name in ("label_templates", "query_templates"):
        templates = getattr(space, name)
        if not _texts(templates) or not templates or any(text.count("{label}") != 1 for text in templates):
            raise _wrong(f"text_space.{name}", templates, "texts with one {label} each, at least one")
    if not isinstance(space.label_texts, tuple) or not all(_texts(texts) and texts for texts in space.label_texts):
        raise _wrong("text_space.label_texts", space.label_texts[:2], "for each label texts, at least one")
    if type(space.top) is not int or not 0 < space.top <= _MOST["visual_tokens"]:
        raise _wrong("text_space.top", space.top, "a whole number, 1 or more")
    for name, least in (("cosine_at_half", -1.0), ("cosine_scale", 1e-6), ("unsure_penalty", 0.0)):
        value = getattr(space, name)
        # A whole number of JSON can be one that no float holds.
        if type(value) not in (int, float) or not least <= value <= sys.float_info.max:
            raise _wrong(f"text_space.{name}", value, f"a number, {least:g} or more")


def _leave_out(fields: dict[str, Any], where_equal: dict[str, Any]) -> None:
    for name, value in where_equal.items():
        if fields[name] == value:
            del fields[name]


_T = TypeVar("_T")
_MAY_BE_NULL = ("text_space", "shots", "abstain", "two_streams", "two_towers", "fusion", "decoder")
_NESTED: dict[str, type] = {
    "backbone": BackboneConfig,
    "encoder": EncoderConfig,
    "text_space": TextSpaceConfig,
    "shots": ShotsConfig,
    "abstain": AbstainConfig,
    "two_streams": TwoStreamsConfig,
    "two_towers": TwoTowersConfig,
    "video": EncoderConfig,
    "fusion": EncoderConfig,
    "decoder": EncoderConfig,
}


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
        if key in _NESTED and not (value is None and key in _MAY_BE_NULL):
            value = _build(_NESTED[key], value, f"{where}: {key}")
        elif key == "questions":
            if not isinstance(value, dict):
                raise _wrong("questions", value, "an object")
            value = {k: _build(QuestionConfig, v, f"{where}: questions.{k}") for k, v in value.items()}
        elif isinstance(value, list):
            value = tuple(tuple(item) if isinstance(item, list) else item for item in value)
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
