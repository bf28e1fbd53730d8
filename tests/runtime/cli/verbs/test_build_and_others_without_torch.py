"""The verbs that make models say what to install where the modeling side is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.visual.feature_file import write_features

ROWS = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)


VERBS = {
    "build": (["build", "FOLDER"], "torch", "videobert[build]"),
    "import": (["import", "bert", "FOLDER", "--out", "OUT"], "torch", "videobert[build]"),
    "cluster": (["cluster", "FOLDER/features.safetensors", "--out", "OUT"], "sklearn", "videobert[train]"),
    "learn": (["learn", "shapes", "FOLDER/data.jsonl", "--out", "OUT"], "torch", "videobert[train]"),
    "train": (["train", "shapes", "--out", "OUT"], "torch", "videobert[train]"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_library_is_an_environment_error_with_its_command(
    verb: str, call: Any, without: Any, tmp_path: Path
) -> None:
    typed, module, extra = VERBS[verb]
    if verb == "cluster":
        write_features(tmp_path / "features.safetensors", ROWS, backbone_hash="0" * 16, clip_hash="1" * 16)
    (tmp_path / "config.json").touch()
    without(module)
    arguments = [word.replace("FOLDER", str(tmp_path)).replace("OUT", str(tmp_path / "out")) for word in typed]
    ended = call(*arguments, "--json")
    assert ended.code == 4
    assert ended.out == ""
    assert repr(module) in ended.err
    assert f"pip install '{extra}'" in ended.err
    assert not (tmp_path / "out").exists()
