"""Inception I3D as a backbone file."""

from __future__ import annotations

import json
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.get.label_files import read_labels
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.i3d_checkpoint import LABELS, open_i3d
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import backbone_tensors
from videobert_modeling.models.weights import hash_of


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
    from safetensors.torch import save_file

    require_new(out)
    opened = open_i3d(source, labels=None if labels is None else read_labels(labels), strict=strict)
    network = opened.network
    tensors = {f"backbone.{name}": tensor.contiguous() for name, tensor in backbone_tensors(network).items()}
    tensors |= {name: t.contiguous() for name, t in network.state_dict().items() if name.startswith("classifier.")}
    metadata = {"format": "videobert-backbone", "version": "1", "kind": "i3d", "backbone_hash": hash_of(network)}
    if opened.labels:
        metadata[LABELS] = json.dumps(opened.labels, ensure_ascii=False)
    write_atomically(out, lambda path: save_file(tensors, path, metadata=metadata))
    return opened.ledger
