"""The stages of MIL-NCE's two towers: a clip's feature and a text's words, each to a vector of their common space.

arXiv 1912.06430, section 3.1; sizes as in the authors' PyTorch release, antoine77340/S3D_HowTo100M.
"""

from __future__ import annotations

from videobert.model.config import ModelConfig, TwoTowersConfig
from videobert.model.stage import Axis, StageSpec, TensorSpec

# Their weights bear the same names.
VIDEO_EMBEDDING = "video_embedding"
TEXT_EMBEDDING = "text_embedding"
_AT_ONCE = 64


def two_tower_stages(config: ModelConfig, towers: TwoTowersConfig) -> tuple[StageSpec, StageSpec]:
    """The feature's linear layer, and the text's tower.

    A text has `config.encoder.positions` places, always: row 0 of the table of words stands in those that are left
    over, and takes part in the maximum over words as it did in training.
    """
    batch, width = Axis("batch"), Axis("width", towers.width)
    features = TensorSpec("features", "float32", (batch, Axis("feature_dim", config.backbone.feature_dim)))
    ids = TensorSpec("ids", "int64", (batch, Axis("words", config.encoder.positions)))
    vectors = TensorSpec("vectors", "float32", (batch, width))
    return (
        StageSpec(
            name=VIDEO_EMBEDDING,
            inputs=(features,),
            outputs=(vectors,),
            batch=batch.name,
            keeps_fp32=True,
            usual_batch=4,
            most_batch=_AT_ONCE,
        ),
        StageSpec(
            name=TEXT_EMBEDDING,
            inputs=(ids,),
            outputs=(vectors,),
            batch=batch.name,
            keeps_fp32=True,
            of_text=True,
            usual_batch=4,
            most_batch=_AT_ONCE,
        ),
    )
