"""MIL-NCE's text-video model: S3D-G and the two towers behind it (antoine77340/S3D_HowTo100M, arXiv 1912.06430)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.families.build_check import check_clips
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoTowersConfig
from videobert.model.milnce_stages import TEXT_EMBEDDING, VIDEO_EMBEDDING
from videobert.model.recipe import Recipe
from videobert.text.word_patterns import MILNCE
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_intake import open_network
from videobert_modeling.importers.shared.s3dg_layout import take_backbone, width_of
from videobert_modeling.importers.shared.stored_dtype import exact_dtype
from videobert_modeling.importers.shared.visual_side import OTHER_RECIPE, codebook_of
from videobert_modeling.importers.shared.word_list import read_word_list
from videobert_modeling.importers.shared.word_tokenizer import word_tokenizer
from videobert_modeling.model_folder.imported import write_folder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.backbones.s3dg import S3DG
from videobert_modeling.models.configurations import checked
from videobert_modeling.models.families.milnce import MilNce

# As it was trained and is evaluated: 3.2 s, the middle square of the picture, pixels from 0 to 1.
RECIPE = Recipe(fps=Fraction(10), frames=32, short_side=224, crop=224, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
WORDS_OF_A_TEXT = 16
# Row 0 is where no word is: one that pads a text, or that the dictionary lacks; special words there are none.
_SPECIAL = dict.fromkeys(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), 0)
_TABLE = "text_module.word_embd.weight"
_LINEAR = {
    "fc": VIDEO_EMBEDDING,
    "text_module.fc1": f"{TEXT_EMBEDDING}.inner",
    "text_module.fc2": f"{TEXT_EMBEDDING}.outer",
}


def read_milnce(source: Path, *, name: str = "milnce", strict: bool = True) -> tuple[S3DG, MilNce, Ledger]:
    """Backbone and towers of a checkpoint, in evaluation mode; the ledger accounts for every tensor.

    Args:
        source: see `open_checkpoint`.
        strict: refuse tensors that nobody accounts for.

    Raises:
        ModelError: not this model, damaged, or with tensors that are missing, misshapen or unexplained.
    """
    intake = open_network(source, "MIL-NCE text-video model", strict=strict)
    backbone = take_backbone(intake)
    rows, word_width = _shape(intake, _TABLE)
    inner, width = _shape(intake, "text_module.fc1.weight")[0], _shape(intake, "fc.weight")[0]
    config = checked(
        ModelConfig(
            name=name,
            words=rows,
            visual_tokens=0,
            backbone=BackboneConfig(kind="s3dg", width=width_of(backbone), feature_dim=backbone.feature_dim),
            encoder=EncoderConfig(
                layers=1, width=word_width, heads=1, feed_forward=inner, positions=WORDS_OF_A_TEXT, segments=1
            ),
            heads=(),
            # Clips are compared with a text one by one, in whatever company.
            window_clips=1,
            family="milnce",
            two_towers=TwoTowersConfig(width=width),
        )
    )
    with torch.device("meta"):
        model = MilNce(config)
    shapes = {ours: tuple(tensor.shape) for ours, tensor in model.state_dict().items()}
    table = f"{TEXT_EMBEDDING}.words.weight"
    state: dict[str, Tensor] = {table: intake.take(_TABLE, table, shapes[table])}
    for theirs, ours in _LINEAR.items():
        for part in ("weight", "bias"):
            _shape(intake, f"{theirs}.{part}")
            state[f"{ours}.{part}"] = intake.take(f"{theirs}.{part}", f"{ours}.{part}", shapes[f"{ours}.{part}"])
    intake.finish()
    model.load_state_dict(state, assign=True)
    return backbone, model.eval(), intake.ledger


def import_milnce(
    source: Path,
    out: Path,
    *,
    dictionary: Path | None = None,
    name: str | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe = RECIPE,
    dtype: torch.dtype | None = None,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out`.

    Args:
        source: the checkpoint, see `read_milnce`.
        dictionary: the words of its table, see `read_word_list`: word i has row i + 1.
        centroids, features: for visual tokens, which the model does without; see `visual_side`.
        dtype: how weights are stored; None for float16 where that changes none of them, else float32.
        strict: also refuse a dictionary with words beyond the table's rows, which are left out otherwise.

    Raises:
        UsageError: `out` is taken.
        ModelError: see `read_milnce` and `read_word_list`; or the dictionary is not the table's, or S3D-G takes no
            clips of this recipe.
    """
    require_new(out)
    if dictionary is None:
        raise ModelError(
            "the words of the table are in a file of their own",
            allowed="s3d_dict.npy as an array of text, or a text file with a word a line",
            fix="Pass dictionary=PATH (--dictionary).",
        )
    words = read_word_list(dictionary)
    backbone, model, ledger = read_milnce(source, name=name or out.name, strict=strict)
    words = _fitting(words, dictionary.name, model.config.words, ledger, strict=strict)
    check_clips(model.config.backbone.kind, recipe, fix=OTHER_RECIPE)
    codebook = None
    if centroids is not None:
        codebook = codebook_of(backbone, centroids, recipe, ledger, features=features, strict=strict)
        model.config = checked(replace(model.config, visual_tokens=len(codebook)))
    write_folder(
        out,
        model=model,
        backbone=backbone,
        recipe=recipe,
        tokenizer=word_tokenizer([None, *words], _SPECIAL, MILNCE),
        codebook=codebook,
        ledger=ledger,
        dtype=dtype or exact_dtype((*backbone.state_dict().values(), *model.state_dict().values())),
    )
    return ledger


def _fitting(words: list[str], file: str, rows: int, ledger: Ledger, *, strict: bool) -> list[str]:
    """The words that have a row; row 0 is nobody's."""
    if len(words) > rows - 1 and not strict:
        ledger.notes.append(f"{file}: {len(words) - rows + 1} words have no row in the table and are left out")
        return words[: rows - 1]
    if len(words) != rows - 1:
        raise ModelError(
            f"{file} is not the dictionary of this table of words",
            seen=f"{len(words)} words",
            allowed=f"{rows - 1}, for {rows} rows of which the first stands where no word is",
            fix="Use the dictionary that was published with the checkpoint.",
        )
    return words


def _shape(intake: Intake, name: str) -> tuple[int, ...]:
    """The shape of a tensor that must be there; two sizes of a matrix."""
    shape = intake.left.get(name)
    if shape is None:
        raise ModelError(
            f"{intake.ledger.source} lacks the tensor {name}, so it is no text-video model of MIL-NCE",
            allowed=f"{_TABLE}, {', '.join(_LINEAR)} beside S3D-G",
            fix="Import a bare backbone as s3dg.",
        )
    if name.endswith("weight") and len(shape) != 2:
        raise ModelError(f"tensor {name} has another shape", seen=shape, allowed="two dimensions")
    return shape
