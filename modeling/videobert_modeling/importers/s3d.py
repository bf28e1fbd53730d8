"""S3D as a backbone file: torchvision's checkpoint, or Kyle Min's."""

from __future__ import annotations

from pathlib import Path

from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbone_file import write_backbone
from videobert_modeling.importers.shared.backbone_recipes import KINETICS_ZERO_CENTRED
from videobert_modeling.importers.shared.kylemin_s3d import is_kylemin
from videobert_modeling.importers.shared.network_intake import plain_names
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d
from videobert_modeling.model_folder.ledger import Ledger


def import_s3d(source: Path, out: Path, *, classifier: bool = False, strict: bool = True) -> Ledger:
    """Write the S3D in `source` as a backbone file, which the other importers take as `backbone`.

    Args:
        out: a `.safetensors` file: tensors `backbone.*`, float32, and `backbone_hash` in the metadata; of Kyle Min's
            checkpoint the recipe too, whose pixels are not torchvision's.
        classifier: keep `classifier.1.*` beside them.
    """
    require_new(out)
    model, ledger = read_s3d(source, classifier=classifier, strict=strict)
    write_backbone(out, model, "s3d", recipe=KINETICS_ZERO_CENTRED if is_kylemin(plain_names(source)) else None)
    return ledger
