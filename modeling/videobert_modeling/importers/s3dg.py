"""MIL-NCE's S3D-G as a backbone file."""

from __future__ import annotations

from pathlib import Path

from videobert.model.recipe import Recipe
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbone_file import write_backbone
from videobert_modeling.importers.shared.backbone_recipes import HOWTO100M
from videobert_modeling.importers.shared.s3dg_layout import read_s3dg
from videobert_modeling.model_folder.ledger import Ledger


def import_s3dg(source: Path, out: Path, *, recipe: Recipe = HOWTO100M, strict: bool = True) -> Ledger:
    """Write the S3D-G in `source` as a backbone file, which the other importers take as `backbone`.

    What the checkpoint holds of the joint space with text is left out.

    Args:
        out: a `.safetensors` file: tensors `backbone.*`, float32, and in the metadata `backbone_hash` and the recipe.
        recipe: the clips of a model around it, unless it is given another.

    Raises:
        UsageError: `out` is taken.
        ModelError: see `read_s3dg`.
    """
    require_new(out)
    network, ledger = read_s3dg(source, strict=strict)
    write_backbone(out, network, "s3dg", recipe=recipe)
    return ledger
