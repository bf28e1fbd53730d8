"""How rows of the token table start that no checkpoint has: those of visual tokens and of the joiner."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from videobert.visual.codebook import Codebook
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.model_folder.card import VISUAL_ROWS
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.encoders.transformer import INIT_STD


def visual_rows(count: int, width: int, codebook: Codebook | None, ledger: Ledger, *, seed: int) -> Tensor:
    """Rows of the token table for the visual tokens and the joiner, `(count + 1, width)`.

    The paper starts visual rows from the centroids (arXiv 1904.01766, section 4.3), which needs equal widths;
    otherwise, and for the joiner, BERT's normal start is used.
    """
    generator = torch.Generator().manual_seed(check_seed(seed))
    rows = torch.randn(count + 1, width, generator=generator) * INIT_STD
    if codebook is not None and codebook.dim == width:
        rows[:count] = torch.from_numpy(np.array(codebook.leaves))
        ledger.notes.append(f"{count} visual rows start from the centroids")
        ledger.uninitialised.append(f"{VISUAL_ROWS}: started from the centroids, not trained")
    else:
        if codebook is not None:
            ledger.notes.append(f"centroids {codebook.dim} wide cannot start rows {width} wide")
        ledger.uninitialised.append(f"{VISUAL_ROWS}: random")
    ledger.uninitialised.append("joiner row of the token table: random")
    return rows
