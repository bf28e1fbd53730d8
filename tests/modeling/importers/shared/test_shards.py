"""Checkpoints in several files: put together where the index tells the truth, refused where it does not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.importers.shared import checkpoint, expansion, shards
from videobert_modeling.importers.shared.checkpoint import open_checkpoint

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}
MAP = {"a.weight": "one.safetensors", "a.bias": "two.safetensors"}


def write(folder: Path, weight_map: object = MAP) -> Path:
    folder.mkdir(exist_ok=True)
    save_file({"a.weight": STATE["a.weight"]}, folder / "one.safetensors")
    save_file({"a.bias": STATE["a.bias"]}, folder / "two.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(weight_map if isinstance(weight_map, str) else json.dumps({"weight_map": weight_map}))
    return index


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


def test_are_put_together(tmp_path: Path) -> None:
    index = write(tmp_path)
    assert same(open_checkpoint(tmp_path).tensors)
    assert same(open_checkpoint(index).tensors)


def test_torch_files_are_put_together(tmp_path: Path) -> None:
    for name, tensor in STATE.items():
        torch.save({name: tensor}, tmp_path / f"{name}.bin")
    index = {"metadata": {"total_size": 32}, "weight_map": {name: f"{name}.bin" for name in STATE}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert same(open_checkpoint(tmp_path).tensors)


def test_links_to_files_elsewhere_are_read_as_caches_keep_them(tmp_path: Path) -> None:
    write(tmp_path / "blobs")
    folder = tmp_path / "snapshot"
    folder.mkdir()
    for path in (tmp_path / "blobs").iterdir():
        (folder / path.name).symlink_to(path)
    assert same(open_checkpoint(folder).tensors)


@pytest.mark.parametrize(
    "shard",
    ["../two.safetensors", "/etc/passwd", "sub/two.safetensors", "model.safetensors.index.json", 3, None, [], {}],
    ids=repr,
)
def test_outside_the_folder_are_refused(tmp_path: Path, shard: object) -> None:
    save_file({"a.bias": STATE["a.bias"]}, tmp_path / "two.safetensors")
    index = write(tmp_path / "inner", MAP | {"a.bias": shard})
    with pytest.raises(ModelError, match="names a shard that is not a file beside it"):
        open_checkpoint(index)


@pytest.mark.parametrize("shard", ["three.safetensors", "", "..", "folder.safetensors", "a\0b", "x" * 5000], ids=ascii)
def test_missing_or_no_file_are_refused(tmp_path: Path, shard: str) -> None:
    index = write(tmp_path, MAP | {"a.bias": shard})
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ModelError, match="does not exist"):
        open_checkpoint(index)


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard", "soft"])
def test_one_under_two_names_is_refused(tmp_path: Path, link: object) -> None:
    index = write(tmp_path, MAP | {"a.bias": "again.safetensors"})
    link(tmp_path / "one.safetensors", tmp_path / "again.safetensors")  # type: ignore[operator]
    with pytest.raises(ModelError, match="names one shard twice"):
        open_checkpoint(index)


@pytest.mark.parametrize("listed", ['"a.bias": "one.safetensors", "a.bias": "two.safetensors"'])
def test_a_tensor_that_is_listed_twice_is_refused(tmp_path: Path, listed: str) -> None:
    with pytest.raises(ModelError, match=r"not an index of shards; got a\.bias is listed twice"):
        open_checkpoint(write(tmp_path, f'{{"weight_map": {{"a.weight": "one.safetensors", {listed}}}}}'))


@pytest.mark.parametrize(
    ("weight_map", "said"),
    [
        (
            {"a.weight": "two.safetensors", "a.bias": "one.safetensors"},
            r"one\.safetensors lacks a\.bias, holds a\.weight too",
        ),
        ({"a.weight": "one.safetensors", "a.bias": "one.safetensors"}, r"one\.safetensors lacks a\.bias"),
        (MAP | {"c": "two.safetensors"}, r"two\.safetensors lacks c"),
    ],
    ids=["crossed", "in-another", "nowhere"],
)
def test_a_tensor_in_the_wrong_one_is_refused(tmp_path: Path, weight_map: object, said: str) -> None:
    with pytest.raises(ModelError, match=f"does not hold the tensors that its index lists for it; got {said}"):
        open_checkpoint(write(tmp_path, weight_map))


def test_a_tensor_that_two_hold_is_refused(tmp_path: Path) -> None:
    index = write(tmp_path)
    save_file(STATE, tmp_path / "two.safetensors")
    with pytest.raises(ModelError, match=r"two\.safetensors holds a\.weight too"):
        open_checkpoint(index)


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', '{"weight_map": []}', "{}", "[" * 100_000, "\0"])
def test_a_damaged_index_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ModelError, match="not an index of shards"):
        open_checkpoint(write(tmp_path, text))


def test_no_file_and_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitExceeded, match="no shard"):
        open_checkpoint(write(tmp_path, {}))
    monkeypatch.setattr(shards, "MAX_SHARDS", 1)
    with pytest.raises(LimitExceeded, match="got 2; allowed: 1 to 1"):
        open_checkpoint(write(tmp_path))


def test_all_together_are_held_to_what_one_file_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = write(tmp_path)
    size = (tmp_path / "one.safetensors").stat().st_size
    monkeypatch.setattr(checkpoint, "MAX_FILE_BYTES", size + 10)
    with pytest.raises(LimitExceeded, match=r"shards of .* are too large"):
        open_checkpoint(index)


def test_a_huge_index_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors.index.json").open("wb") as file:
        file.truncate(101 * 10**6)
    with pytest.raises(LimitExceeded, match="too large"):
        open_checkpoint(tmp_path)


def test_a_long_index_that_lists_its_last_tensor_twice_takes_no_time(tmp_path: Path) -> None:
    many = ", ".join(f'"t{number}": "one.safetensors"' for number in range(200_000))
    index = write(tmp_path, f'{{"weight_map": {{{many}, "t199999": "two.safetensors"}}}}')
    began = time.process_time()
    with pytest.raises(ModelError, match="t199999 is listed twice"):
        open_checkpoint(index)
    assert time.process_time() - began < 10


def test_many_small_ones_that_unpack_to_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_FLOOR_BYTES", 4096)
    names = {f"a{number}": f"{number}.npz" for number in range(4)}
    for name, file in names.items():
        np.savez_compressed(tmp_path / file, **{name: np.zeros(900, np.float32)})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))
    assert len(open_checkpoint(index).tensors) == 4
    monkeypatch.setattr(expansion, "MAX_EXPANSION", 2)
    with pytest.raises(LimitExceeded, match=r"model\.safetensors\.index\.json unpacks to too many bytes"):
        open_checkpoint(index)
