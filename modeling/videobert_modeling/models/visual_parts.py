"""What a model of any family may have beside its backbone: heads on features, networks on pictures, shot boundaries."""

from __future__ import annotations

from torch import Tensor, nn

from videobert.model.config import ModelConfig
from videobert_modeling.models.backbones.efficientnet_lite import EfficientNetLite0
from videobert_modeling.models.shots.transnet_v2 import TransNetV2


class FeatureHead(nn.Linear):
    """A linear layer whose input has the name that the stage gives it: an engine passes inputs by their names."""

    def forward(self, features: Tensor) -> Tensor:
        """`(…, feature_dim)` to `(…, labels)`."""
        return super().forward(features)


class ByName(nn.ModuleDict):
    """Modules by the names of questions, any name: `type` and `half`, which are methods of every module, too."""

    def __setitem__(self, key: str, module: nn.Module) -> None:
        self._modules[key] = module


class VisualParts(nn.Module):
    """The parts that answer questions without an encoder, as `config.questions` and `config.shots` list them.

    Attributes:
        feature_heads: for each question that features answer a linear layer, `(…, feature_dim)` to `(…, labels)`.
        picture_classifiers: for each question that pictures answer a network, see `EfficientNetLite0`.
        shot_boundaries: see `TransNetV2`; None where the model has none.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.feature_heads = ByName(
            {
                name: FeatureHead(config.backbone.feature_dim, len(question.labels))
                for name, question in config.questions.items()
                if question.answered_by == "features"
            }
        )
        self.picture_classifiers = ByName(
            {
                name: EfficientNetLite0(len(question.labels))
                for name, question in config.questions.items()
                if question.answered_by == "pictures"
            }
        )
        self.shot_boundaries = None if config.shots is None else TransNetV2()
