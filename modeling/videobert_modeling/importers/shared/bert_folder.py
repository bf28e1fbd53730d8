"""A model folder around a checkpoint in BERT's layout: what its importers share but the reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.base.half import fits_float16
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.tokenizer import WORD_PIECES
from videobert_modeling.importers.shared.tokenizer_kind import TokenizerKind
from videobert_modeling.importers.shared.visual_side import VisualSide, visual_side
from videobert_modeling.model_folder.imported import write_folder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import VideoBert, backbone_tensors
from videobert_modeling.models.heads import Heads

Read = Callable[[VisualSide, Ledger], VideoBert]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What goes into the folder beside the checkpoint; see `visual_side`.

    Args:
        tokenizer: a file of the tokenizer; None for the one in the folder of the checkpoint.
    """

    tokenizer: Path | None
    backbone: Path | None
    centroids: Path | None
    features: Sequence[Path]
    recipe: Recipe
    seed: int


def import_folder(
    kind: str,
    source: Path,
    out: Path,
    read: Read,
    beside: Beside,
    *,
    tokenizers: TokenizerKind = WORD_PIECES,
    whose_tokenizer: str = "",
    dtype: torch.dtype | None,
    strict: bool,
) -> Ledger:
    """Write the model folder `out` around what `read` makes of the checkpoint.

    Args:
        kind: what the ledger calls the checkpoint.
        read: called with the visual side and the ledger.
        tokenizers: which belong to the checkpoint.
        whose_tokenizer: for the advice where none is found.
        dtype: how weights are stored; None for float16 where that holds every value of the sources, else float32.
        strict: see `visual_side`.

    Raises:
        UsageError: `out` is taken.
        ModelError: there is no tokenizer, or a file is damaged; else as `read`.
    """
    require_new(out)
    words = beside.tokenizer or tokenizers.find(source if source.is_dir() else source.parent)
    if words is None:
        raise ModelError(
            f"there is no tokenizer beside {source.name}",
            allowed=tokenizers.files,
            fix=f"Pass tokenizer=PATH (--tokenizer){whose_tokenizer}.",
        )
    ledger = Ledger(kind, source.name)
    content = tokenizers.read(words, ledger.notes)
    side = visual_side(
        beside.backbone,
        beside.centroids,
        beside.recipe,
        ledger,
        features=beside.features,
        seed=beside.seed,
        strict=strict,
    )
    model = read(side, ledger)
    if dtype is None:
        given = [] if beside.backbone is None else backbone_tensors(side.backbone).values()
        exact = ledger.fits_float16 and all(map(fits_float16, given))
        dtype = torch.float16 if exact else torch.float32
        ledger.notes.append(f"stored as {str(dtype).removeprefix('torch.')}, which holds every value exactly")
    write_folder(
        out,
        model=model,
        backbone=side.backbone,
        recipe=beside.recipe,
        tokenizer=content,
        codebook=side.codebook,
        ledger=ledger,
        dtype=dtype,
    )
    return ledger


def assemble(config: ModelConfig, state: dict[str, Tensor], *, seed: int) -> VideoBert:
    """A model with `state`, in evaluation mode; parts of the heads that it lacks start as in training, from `seed`."""
    with torch.device("meta"):
        model = VideoBert(config)
    lacking = model.state_dict().keys() - state.keys()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        fresh = Heads(config).state_dict()
    state = state | {name: fresh[name.removeprefix("heads.")] for name in sorted(lacking)}
    model.load_state_dict(state, assign=True)
    return model.eval()
