"""Opening files that nobody vouches for: every container that is read, and every trick that is refused."""

from __future__ import annotations

import ast
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.importers.shared.checkpoint import open_array, open_checkpoint

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, 2.0])}


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin", "w.safetensors", "w.npz"])
def test_every_container_gives_the_same_tensors(tmp_path: Path, name: str):
    path = tmp_path / name
    if name.endswith("safetensors"):
        save_file(STATE, path)
    elif name.endswith("npz"):
        np.savez(path, **{key: value.numpy() for key, value in STATE.items()})
    else:
        torch.save(STATE, path)
    checkpoint = open_checkpoint(path)
    assert same(checkpoint.tensors)
    assert checkpoint.notes == []


def test_the_old_torch_container_is_read(tmp_path: Path):
    torch.save(STATE, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    assert same(open_checkpoint(tmp_path / "w.pt").tensors)


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state", "model_state_dict", "model"])
def test_wrappers_are_taken_off_and_noted(tmp_path: Path, wrapper: str):
    torch.save({wrapper: STATE, "epoch": 3, "loss": [0.5]}, tmp_path / "w.pt")
    checkpoint = open_checkpoint(tmp_path / "w.pt")
    assert same(checkpoint.tensors)
    assert checkpoint.notes == [f"took the tensors from `{wrapper}`; left beside it: epoch, loss"]


def test_the_prefix_of_data_parallel_is_taken_off_when_all_have_it(tmp_path: Path):
    torch.save({f"module.{name}": tensor for name, tensor in STATE.items()}, tmp_path / "all.pt")
    assert same(open_checkpoint(tmp_path / "all.pt").tensors)
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "some.pt")
    assert set(open_checkpoint(tmp_path / "some.pt").tensors) == {"module.a", "b"}


@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.",
        "module.",
        "model.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "_orig_mod.module._orig_mod.",
        "module.module.",
        "model._orig_mod.",
        "_forward_module._orig_mod.model.",
        "_fsdp_wrapped_module.",
        "_fsdp_wrapped_module._checkpoint_wrapped_module.",
    ],
)
@pytest.mark.parametrize(
    ("name", "wrapper"),
    [("w.pt", None), ("w.pt", "state_dict"), ("w.pt", "model"), ("w.pt", "module"), ("w.safetensors", None)],
)
def test_what_training_puts_before_the_names_is_taken_off_and_noted(
    tmp_path: Path, prefix: str, wrapper: str | None, name: str
):
    state = {f"{prefix}{key}": value for key, value in STATE.items()}
    path = tmp_path / name
    if name == "w.pt":
        torch.save({wrapper: state, "epoch": 1} if wrapper else state, path)
    else:
        save_file(state, path)
    checkpoint = open_checkpoint(path)
    assert same(checkpoint.tensors)
    noted = " ".join(checkpoint.notes)
    assert all(f"`{part}.`" in noted for part in prefix.split(".")[:-1])


def test_a_part_that_was_compiled_by_itself_loses_the_name_inside(tmp_path: Path):
    torch.save({"a._orig_mod.weight": STATE["a.weight"], "a.bias": STATE["a.bias"]}, tmp_path / "w.pt")
    assert same(open_checkpoint(tmp_path / "w.pt").tensors)


def test_two_networks_under_one_name_are_refused(tmp_path: Path):
    torch.save({"_orig_mod.a.bias": STATE["a.bias"], "a.bias": STATE["a.bias"]}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"_orig_mod\.a\.bias and a\.bias of the checkpoint would both be a\.bias"):
        open_checkpoint(tmp_path / "w.pt")


@pytest.mark.parametrize(
    "names", [("_orig_mod",), ("module",), ("module.",), ("",), ("_orig_mod._orig_mod.",)], ids=str
)
def test_names_of_nothing_but_prefixes_end(tmp_path: Path, names: tuple[str, ...]):
    torch.save({name: torch.ones(1) for name in names}, tmp_path / "w.pt")
    assert len(open_checkpoint(tmp_path / "w.pt").tensors) == 1


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self):
        return (os.system, (f"touch {self.sentinel}",))


@pytest.fixture
def sentinel(tmp_path: Path):
    path = tmp_path / "code-ran"
    yield path
    assert not path.exists(), "code in a checkpoint was run"


@pytest.mark.parametrize("new_format", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_code_in_a_torch_file_never_runs(tmp_path: Path, sentinel: Path, suffix: str, new_format: bool, wrapped: bool):
    state: dict[str, object] = {**STATE, "evil": Payload(sentinel)}
    path = tmp_path / f"evil{suffix}"
    torch.save({"state_dict": state} if wrapped else state, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(ModelError, match="cannot be read as plain tensors"):
        open_checkpoint(path)


def test_the_payload_would_run_if_it_were_unpickled(tmp_path: Path):
    torch.save(Payload(tmp_path / "ran"), tmp_path / "evil.pt")
    torch.load(tmp_path / "evil.pt", weights_only=False)
    assert (tmp_path / "ran").exists()


def test_objects_in_arrays_are_never_loaded(tmp_path: Path, sentinel: Path):
    evil = np.array([Payload(sentinel)], dtype=object)
    np.save(tmp_path / "evil.npy", evil, allow_pickle=True)
    np.savez(tmp_path / "evil.npz", good=np.ones(2), evil=evil)
    for name in ("evil.npy", "evil.npz"):
        with pytest.raises(ModelError):
            open_checkpoint(tmp_path / name)
        with pytest.raises(ModelError):
            open_array(tmp_path / name)


def safetensors_bytes(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(start: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


BROKEN_SAFETENSORS = {
    "empty": b"",
    "short": b"\x01\x02",
    "header-2^63": safetensors_bytes({}, length=2**63),
    "header-past-the-end": safetensors_bytes({}, length=1000),
    "not-json": safetensors_bytes(b"{nonsense"),
    "deep-json": safetensors_bytes(b"[" * 200_000),
    "overlap": safetensors_bytes({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, bytes(12)),
    "hole": safetensors_bytes({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, bytes(12)),
    "hole-at-the-end": safetensors_bytes({"a": tensor(0, 4, [1])}, bytes(64)),
    "shape-too-large": safetensors_bytes({"a": tensor(0, 4, [2**60])}, bytes(4)),
    "shape-overflow": safetensors_bytes({"a": tensor(0, 4, [2**32, 2**32, 2**2])}, bytes(4)),
    "offset-past-the-end": safetensors_bytes({"a": tensor(0, 400, [100])}, bytes(4)),
    "offsets-backwards": safetensors_bytes({"a": tensor(4, 0, [1])}, bytes(4)),
    "unknown-type": safetensors_bytes({"a": tensor(0, 4, [1], "F3")}, bytes(4)),
}


@pytest.mark.parametrize("content", BROKEN_SAFETENSORS.values(), ids=BROKEN_SAFETENSORS.keys())
def test_broken_safetensors_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(ModelError):
        open_checkpoint(tmp_path / "w.safetensors")


def test_a_header_over_100_megabytes_is_refused_though_the_file_holds_it(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 150 * 10**6))
        file.truncate(200 * 10**6)
    with pytest.raises(ModelError, match="header of impossible length"):
        open_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("suffix", [".pt", ".npz", ".npy", ".safetensors"])
def test_cut_files_are_refused(tmp_path: Path, suffix: str, share: float):
    path = tmp_path / f"w{suffix}"
    if suffix == ".pt":
        torch.save(STATE, path)
    elif suffix == ".npz":
        np.savez(path, a=np.arange(1000.0))
    elif suffix == ".npy":
        np.save(path, np.arange(1000.0))
    else:
        save_file(STATE, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelError):
        open_checkpoint(path)


def npy_header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize("shape", ["(1099511627776,)", "(65536, 65536, 65536, 65536)", "(-4,)", "(3,)"])
def test_arrays_shorter_than_their_header_says_are_refused_before_memory_is_taken(tmp_path: Path, shape: str):
    content = npy_header(shape) + bytes(8)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ModelError):
            open_array(tmp_path / name)


@pytest.mark.parametrize("name", ["bomb.npz", "bomb.pt"])
def test_archives_that_unpack_to_many_times_their_size_are_refused(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.npy", npy_header("(20000000,)") + bytes(80_000_000))
    with pytest.raises(LimitExceeded, match="unpacks to too many bytes"):
        open_checkpoint(tmp_path / name)


def test_a_few_bytes_that_claim_to_be_terabytes_are_refused(tmp_path: Path):
    torch.save({"a": torch.zeros(1).expand(2**40)}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="not a plain tensor"):
        open_checkpoint(tmp_path / "w.pt")


def test_a_few_bytes_that_stand_for_many_are_refused(tmp_path: Path):
    value = torch.zeros(2**20)
    torch.save({"a": value[:1].expand(2**30)}, tmp_path / "repeated.pt")
    torch.save({f"a{number}": value for number in range(100)}, tmp_path / "shared.pt")
    for name in ("repeated.pt", "shared.pt"):
        with pytest.raises(LimitExceeded, match="unpacks to too many bytes"):
            open_checkpoint(tmp_path / name)


@pytest.mark.parametrize(
    "value",
    [3, [], {}, {"a": 3}, {"a": torch.ones(2).to_sparse()}, {3: torch.ones(1)}, {"a": torch.ones(2, device="meta")}],
    ids=["number", "list", "empty", "number-inside", "sparse", "unnamed", "meta"],
)
def test_what_is_not_a_state_dict_is_refused(tmp_path: Path, value: object):
    torch.save(value, tmp_path / "w.pt")
    with pytest.raises(ModelError):
        open_checkpoint(tmp_path / "w.pt")


def test_unknown_kinds_and_missing_files_are_refused(tmp_path: Path):
    (tmp_path / "w.pkl").write_bytes(b"x")
    for path in (tmp_path / "w.pkl", tmp_path / "absent.pt", tmp_path):
        with pytest.raises(ModelError):
            open_checkpoint(path)


def test_an_array_file_must_hold_one_array(tmp_path: Path):
    np.savez(tmp_path / "two.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(ModelError, match="one array"):
        open_array(tmp_path / "two.npz")


def test_no_reader_in_the_tree_can_run_code():
    """`torch.load` only with weights_only=True, `numpy.load` without allow_pickle, and nothing that unpickles."""
    root = Path(__file__).parents[4]
    loads = 0
    for folder in ("runtime", "modeling"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                where = f"{path}:{getattr(node, 'lineno', 0)}"
                names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
                module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
                roots = {name.split(".")[0] for name in [*names, module]}
                assert not roots & {"pickle", "_pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}, where
                assert not (module in ("torch", "numpy") and "load" in names), where
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if called in ("torch.load", "np.load", "numpy.load"):
                    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                    assert given.get("weights_only") == "True" or called != "torch.load", where
                    assert given.get("allow_pickle", "False") == "False", where
                    loads += 1
                assert called not in ("eval", "exec", "compile"), where
    assert loads >= 4
