"""The stages of a model with two streams beyond what it sees: text and video apart, joined, and told in words.

UniVL, arXiv 2002.06353, section 3.
"""

from __future__ import annotations

from videobert.model.config import EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.stage import Axis, StageSpec, TensorSpec
from videobert.model.text_encoder_stage import text_encoder

VIDEO_ENCODER = "video_encoder"
CROSS_ENCODER = "cross_encoder"
FEATURE_NORM = "feature_norm"
POOLER = "cross_pooler"
DECODER_MEMORY = "decoder_memory"
DECODER = "decoder"
_STATES_AT_ONCE = 64


def two_stream_stages(config: ModelConfig, streams: TwoStreamsConfig) -> tuple[StageSpec, ...]:
    """From the text encoder on; fusion, heads and decoder only as far as the model has them."""
    apart = (text_encoder(config), _video_encoder(config, streams))
    if streams.fusion is None:
        return apart
    decoder = () if streams.decoder is None else _decoder(config, streams.decoder, streams.fusion.positions)
    return (
        *apart,
        _cross_encoder(config, streams.fusion, streams.text_room, streams.video.positions),
        *_heads(config, normalize=streams.normalize_video),
        *decoder,
    )


def _video_encoder(config: ModelConfig, streams: TwoStreamsConfig) -> StageSpec:
    """Features, one a clip, to states; the LayerNorm over raw features is inside."""
    batch, length = Axis("batch"), Axis("length", longest=streams.video.positions)
    features = (batch, length, Axis("feature_dim", config.backbone.feature_dim))
    return StageSpec(
        name=VIDEO_ENCODER,
        inputs=(TensorSpec("features", "float32", features), TensorSpec("lengths", "int64", (batch,))),
        outputs=(TensorSpec("states", "float32", (batch, length, _width(config))),),
        batch=batch.name,
        lengths="lengths",
        attentions=streams.video.layers,
    )


def _cross_encoder(config: ModelConfig, fusion: EncoderConfig, text_room: int, most_video: int) -> StageSpec:
    """States of both streams to fused states: the places of the text, and behind them those of the video."""
    batch, width, most = Axis("batch"), _width(config), fusion.positions
    # The video's positions begin behind it.
    text = Axis("text_length", longest=min(most - 1, config.encoder.positions), prepared=text_room)
    video = Axis("video_length", longest=min(most - 1, most_video))
    both = Axis("length", longest=most, sum_of=(text.name, video.name))
    return StageSpec(
        name=CROSS_ENCODER,
        inputs=(
            TensorSpec("text_states", "float32", (batch, text, width)),
            TensorSpec("text_lengths", "int64", (batch,)),
            TensorSpec("video_states", "float32", (batch, video, width)),
            TensorSpec("video_lengths", "int64", (batch,)),
        ),
        outputs=(TensorSpec("states", "float32", (batch, both, width)),),
        batch=batch.name,
        attentions=fusion.layers,
        of_text=True,
    )


def _heads(config: ModelConfig, *, normalize: bool) -> tuple[StageSpec, ...]:
    """The masked heads of fused states, and whether text and video belong together."""
    count, width = Axis("count"), _width(config)
    states, pooled = TensorSpec("states", "float32", (count, width)), TensorSpec("pooled", "float32", (count, width))
    features = _of_count("features", count, Axis("feature_dim", config.backbone.feature_dim))
    # Features as the video encoder sees them, which is how hidden ones are told.
    norm = ((FEATURE_NORM, features, TensorSpec("normalized", "float32", features.axes)),)
    told: dict[str, tuple[tuple[str, TensorSpec, TensorSpec], ...]] = {
        "text": (("text_head", states, TensorSpec("logits", "float32", (count, Axis("words", config.words)))),),
        # What a hidden place of the video would have as its feature.
        "visual": (("visual_head", states, features), *(norm if normalize else ())),
        # The first fused state, and the similarity that is linear in what the pooler makes of it.
        "alignment": ((POOLER, states, pooled), ("alignment_head", pooled, _of_count("logits", count))),
    }
    return tuple(
        StageSpec(
            name=name,
            inputs=(given,),
            outputs=(output,),
            batch=count.name,
            keeps_fp32=True,
            of_text=head == "text",
            scores_candidates=head == "text",
            usual_batch=4,
            most_batch=_STATES_AT_ONCE,
        )
        for head in ("text", "visual", "alignment")
        if head in config.heads
        for name, given, output in told[head]
    )


def _of_count(name: str, *axes: Axis) -> TensorSpec:
    return TensorSpec(name, "float32", axes)


def _decoder(config: ModelConfig, decoder: EncoderConfig, most_memory: int) -> tuple[StageSpec, StageSpec]:
    """Fused states to what every step attends to, and the next words of sentences that were begun.

    The caller keeps the keys and values of the words so far: a step gives those of its own words.
    """
    batch, width, layers = Axis("batch"), _width(config), Axis("layers", decoder.layers)
    memory, past = Axis("memory", longest=most_memory), Axis("past", longest=decoder.positions, before="length")
    length = Axis("length", longest=decoder.positions, often=1)
    remembered, before, own = (
        (batch, layers, memory, width),
        (batch, layers, past, width),
        (batch, layers, length, width),
    )
    prepare = StageSpec(
        name=DECODER_MEMORY,
        inputs=(TensorSpec("states", "float32", (batch, memory, width)),),
        outputs=(TensorSpec("keys", "float32", remembered), TensorSpec("values", "float32", remembered)),
        batch=batch.name,
    )
    step = StageSpec(
        name=DECODER,
        inputs=(
            TensorSpec("ids", "int64", (batch, length)),
            TensorSpec("past_keys", "float32", before),
            TensorSpec("past_values", "float32", before),
            TensorSpec("past_lengths", "int64", (batch,)),
            TensorSpec("memory_keys", "float32", remembered),
            TensorSpec("memory_values", "float32", remembered),
            TensorSpec("memory_mask", "int64", (batch, memory)),
        ),
        outputs=(
            TensorSpec("logits", "float32", (batch, length, Axis("words", config.words))),
            TensorSpec("keys", "float32", own),
            TensorSpec("values", "float32", own),
        ),
        batch=batch.name,
        usual_batch=5,
        most_batch=_STATES_AT_ONCE,
    )
    return prepare, step


def _width(config: ModelConfig) -> Axis:
    return Axis("width", config.encoder.width)
