"""`videobert import`: the ledger of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.mark.modeling
def test_import_gives_the_ledger(call: Any, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(9, 8)).astype(np.float32)
    np.save(tmp_path / "centroids.npy", rows)
    ended = call("import", "centroids", tmp_path / "centroids.npy", "--out", tmp_path / "out.safetensors")
    assert ended.code == 3  # a codebook names what made its features, and nothing here says it
    assert ended.out == ""
    assert "error:" in ended.err


@pytest.mark.modeling
def test_an_import_option_of_another_kind_is_a_usage_error(call: Any, tmp_path: Path) -> None:
    ended = call("import", "s3d", tmp_path, "--out", tmp_path / "out", "--words", "7")
    assert ended.code == 2
    assert "words" in ended.err


def test_import_tells_the_exceptions_and_lists_every_tensor_when_asked(call: Any, tmp_path: Path) -> None:
    import torch

    from videobert_modeling.models import S3D

    state = S3D(0.125, 32, 5).state_dict()
    torch.save(state, tmp_path / "s3d.pth")
    short = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "a.safetensors")
    assert short.code == 0
    lines = short.out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("385 used, ")
    assert lines[1].endswith("more: a training counter")
    assert lines[2].startswith("ignored: classifier.1.weight, classifier.1.bias: ")
    long = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "b.safetensors", "--verbose")
    # The summary comes first, so that it is seen above the rows.
    assert long.out.splitlines()[:4] == [*lines, ""]
    assert len(long.out.splitlines()) == 3 + 1 + len(state)
    everything = call("import", "s3d", tmp_path / "s3d.pth", "--out", tmp_path / "c.safetensors", "--json").json
    assert len(everything["tensors"]) == len(state)


def test_i3d_takes_labels_and_tells_which_scale_it_made_up(call: Any, tmp_path: Path) -> None:
    import torch

    from videobert.get.layouts.i3d import TENSORFLOW
    from videobert_modeling.models import I3D

    torch.manual_seed(0)
    state = {name: tensor.numpy() for name, tensor in I3D(0.125, 32, 3).state_dict().items()}
    state["classifier.weight"] = state["classifier.weight"][:, :, None, None, None]
    arrays = {theirs: state[ours] for ours, theirs in TENSORFLOW.names.items()}
    np.savez(tmp_path / "i3d.npz", **{n: np.einsum("oithw->thwio", a) if a.ndim == 5 else a for n, a in arrays.items()})
    (tmp_path / "labels.txt").write_text("jump\nrun\nswim\n")
    source, out = tmp_path / "i3d.npz", tmp_path / "i3d.safetensors"
    ended = call("import", "i3d", source, "--out", out, "--labels", tmp_path / "labels.txt")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == ["230 renamed", "note: the source has no scale in BatchNorm: ours is 1"]
    assert out.is_file()
