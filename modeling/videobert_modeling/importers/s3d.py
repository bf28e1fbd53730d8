"""torchvision's S3D as a backbone file."""

from __future__ import annotations

from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import backbone_tensors
from videobert_modeling.models.weights import hash_of


def import_s3d(source: Path, out: Path, *, classifier: bool = False, strict: bool = True) -> Ledger:
    """Write the S3D in `source` as a backbone file, which the other importers take as `backbone`.

    Args:
        out: a `.safetensors` file: tensors `backbone.*`, float32, and `backbone_hash` in the metadata.
        classifier: keep `classifier.1.*` beside them.
    """
    from safetensors.torch import save_file

    require_new(out)
    model, ledger = read_s3d(source, classifier=classifier, strict=strict)
    tensors = {f"backbone.{name}": tensor.contiguous() for name, tensor in backbone_tensors(model).items()}
    tensors |= {name: t.contiguous() for name, t in model.state_dict().items() if name.startswith("classifier.")}
    metadata = {"format": "videobert-backbone", "version": "1", "kind": "s3d", "backbone_hash": hash_of(model)}
    write_atomically(out, lambda path: save_file(tensors, path, metadata=metadata))
    return ledger
