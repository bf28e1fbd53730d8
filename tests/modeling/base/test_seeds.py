"""Seeds: what torch and numpy both take, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import UsageError
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.importers import import_bert
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.model_folder.visual_rows import visual_rows
from videobert_modeling.train.shapes.chain import train

ODD: list[Any] = [-1, 2**63, 10**30, 0.5, "0", None, True, float("nan")]


def test_whole_numbers_of_63_bits_are_seeds() -> None:
    assert [check_seed(seed) for seed in (0, 2**63 - 1, np.int32(7))] == [0, 2**63 - 1, 7]


@pytest.mark.parametrize("seed", ODD, ids=repr)
def test_anything_else_is_refused_before_any_work(seed: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the seed is out of range"):
        visual_rows(1, 2, None, Ledger("", ""), seed=seed)
    with pytest.raises(UsageError, match="the seed is out of range"):
        train(tmp_path / "model", tmp_path / "work", seed=seed)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(UsageError, match="the seed is out of range"):
        import_bert(tmp_path, tmp_path / "model", seed=seed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pytorch_model.bin", "vocab.txt"]
