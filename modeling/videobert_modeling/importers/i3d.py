"""Inception I3D as a backbone file."""

from __future__ import annotations

from pathlib import Path

from videobert.get.label_files import read_labels
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbone_file import write_backbone
from videobert_modeling.importers.shared.i3d_checkpoint import open_i3d
from videobert_modeling.model_folder.ledger import Ledger


def import_i3d(source: Path, out: Path, *, labels: Path | None = None, strict: bool = True) -> Ledger:
    """Write the I3D in `source` as a backbone file, which the other importers take as `backbone`.

    They make its classifier the question `action` of the model.

    Args:
        source: a flax file, or the PyTorch port's or TensorFlow's arrays in a file that `open_checkpoint` reads.
        out: a `.safetensors` file: tensors `backbone.*` and `classifier.*`, float32, and in the metadata
            `backbone_hash` and the labels.
        labels: a text file with a line for each class, in the classifier's order; by default Kinetics-400 in DeepMind's
            order if there are 400 classes, else numbers.

    Raises:
        UsageError: `out` is taken.
        ModelError: see `open_i3d` and `read_labels`.
    """
    require_new(out)
    opened = open_i3d(source, labels=None if labels is None else read_labels(labels), strict=strict)
    write_backbone(out, opened.network, "i3d", labels=opened.labels)
    return opened.ledger
