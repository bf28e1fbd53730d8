"""torchvision's ResNet-50, -101 or -152 as a backbone file."""

from __future__ import annotations

from pathlib import Path

from videobert.get.label_files import read_labels
from videobert.model.recipe import Recipe
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbone_file import write_backbone
from videobert_modeling.importers.shared.backbone_recipes import IMAGENET
from videobert_modeling.importers.shared.resnet_layout import kind_of, read_resnet
from videobert_modeling.model_folder.ledger import Ledger


def import_resnet(
    source: Path, out: Path, *, labels: Path | None = None, recipe: Recipe = IMAGENET, strict: bool = True
) -> Ledger:
    """Write the ResNet in `source` as a backbone file, which the other importers take as `backbone`.

    They make its classifier the question `object` of the model.

    Args:
        out: a `.safetensors` file: tensors `backbone.*` and `classifier.*`, float32, and in the metadata
            `backbone_hash`, the labels and the recipe.
        labels: a text file with a line for each class, in the classifier's order; by default ImageNet's 1,000 if there
            are as many classes, else numbers.
        recipe: the clips of a model around it, unless it is given another.

    Raises:
        UsageError: `out` is taken.
        ModelError: see `read_resnet` and `read_labels`.
    """
    require_new(out)
    opened = read_resnet(source, labels=None if labels is None else read_labels(labels), strict=strict)
    write_backbone(out, opened.network, kind_of(opened.network), labels=opened.labels, recipe=recipe)
    return opened.ledger
