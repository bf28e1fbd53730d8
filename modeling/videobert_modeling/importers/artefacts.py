"""Imports that end in one file: a backbone from torchvision's S3D, a codebook from centroid arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.importers.centroids import make_codebook, read_centroids
from videobert_modeling.importers.ledger import Ledger
from videobert_modeling.importers.skeleton import hash_of
from videobert_modeling.importers.torchvision_s3d import read_s3d
from videobert_modeling.models import backbone_tensors
from videobert_modeling.new_folder import require_new


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


def import_centroids(
    source: Path,
    out: Path,
    *,
    backbone: Path | None = None,
    recipe: Recipe | None = None,
    features: Sequence[Path] = (),
    branching: int = 12,
    strict: bool = True,
) -> Ledger:
    """Write centroid arrays as a codebook file; see `read_centroids` and `make_codebook`.

    A codebook names what made its features: the feature files do, or else a backbone and a recipe must be given.

    Raises:
        InputError: neither is given.
    """
    require_new(out)
    read = read_centroids(source, branching=branching, strict=strict)
    if features:
        files = FeatureFiles.open(features)
        hashes = {"backbone_hash": files.backbone_hash, "clip_hash": files.clip_hash}
    elif backbone is not None and recipe is not None:
        hashes = {"backbone_hash": hash_of(read_s3d(backbone)[0]), "clip_hash": recipe.clip_hash}
        read.ledger.notes.append("that these centroids belong to this backbone and recipe is taken on trust")
    else:
        raise InputError(
            "a codebook must say which backbone and recipe its features came from",
            fix="Pass features=[…] (--features), or backbone= and recipe= (--backbone, --recipe).",
        )
    make_codebook(read, **hashes, features=features).save(out)
    return read.ledger
