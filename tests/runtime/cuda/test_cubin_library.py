"""Reading a folder of kernels that may be damaged or hostile, and launching from it."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from videobert.base.code_trust import sidecar_digest
from videobert.base.errors import DeviceError, InputError, MismatchError, ModelError, UntrustedError
from videobert.cuda.cubin_library import CubinLibrary
from videobert.engines.tensorrt import model_kernels
from videobert.engines.tensorrt.model_kernels import open_model_kernels

Write = Callable[[dict[str, Any]], Path]


def refused(folder: Path, driver: Any, error: type[ModelError] = ModelError) -> str:
    """Opening fails with `error`, and nothing has been loaded; the message."""
    with pytest.raises(error) as raised:
        CubinLibrary(driver, folder).load_all()
    assert not driver.calls
    return str(raised.value)


def test_a_launch_loads_its_kernel_once_and_passes_what_it_needs(folder: Path, driver: Any) -> None:
    library = CubinLibrary(driver, folder)
    assert driver.calls == []
    stream = driver.stream()
    for size in (32, 48):
        library.launch("clear", (3, 2, 1), [0x7000, size], stream)
    library.launch("decide", (5, 1, 1), [1, 0x20, 3, 4, 5, 6], stream)
    expected = struct.pack("<QQi4xQQi4xQ", 1, 0x20, 3, 4, 5, 6, 0)
    assert driver.calls == [
        ("load", b"\x7fELF clear", "clear_kernel", 0),
        ("launch", "clear_kernel", (3, 2, 1), 128, struct.pack("<Qi4xQQ", 0x7000, 32, 0, 0)),
        ("launch", "clear_kernel", (3, 2, 1), 128, struct.pack("<Qi4xQQ", 0x7000, 48, 0, 0)),
        ("load", b"\x7fELF decide", "decide_kernel", 65536),
        ("launch", "decide_kernel", (5, 1, 1), 256, expected),
    ]
    assert "decide" in library
    assert "gone" not in library


def test_everything_can_be_loaded_ahead(folder: Path, driver: Any) -> None:
    library = CubinLibrary(driver, folder)
    library.load_all()
    library.load_all()
    assert [call[2] for call in driver.calls] == ["clear_kernel", "decide_kernel"]


def test_a_wrong_launch_is_refused_before_the_driver_sees_it(folder: Path, driver: Any) -> None:
    library = CubinLibrary(driver, folder)
    stream = driver.stream()
    with pytest.raises(ModelError, match="no such kernel; got gone"):
        library.launch("gone", (1, 1, 1), [], stream)
    with pytest.raises(InputError, match="wrong number"):
        library.launch("clear", (1, 1, 1), [0], stream)
    with pytest.raises(InputError, match="divisible by 16"):
        library.launch("clear", (1, 1, 1), [0x7000, 33], stream)
    with pytest.raises(InputError, match="negative"):
        library.launch("clear", (-1, 1, 1), [0x7000, 32], stream)
    library.launch("clear", (0, 1, 1), [0x7000, 32], stream)
    assert driver.calls == []


def test_a_driver_that_refuses_is_a_device_error(folder: Path, driver: Any) -> None:
    driver.fails = "load"
    with pytest.raises(DeviceError) as raised:
        CubinLibrary(driver, folder).load_all()
    assert raised.value.exit_code == 4


def test_kernels_for_another_gpu_are_refused(folder: Path, make_driver: Any) -> None:
    said = refused(folder, make_driver(capability=89), MismatchError)
    assert "compiled for another GPU; got cuda-sm90; allowed: cuda-sm89" in said
    assert "--target cuda-sm89" in said


def test_a_file_of_another_build_is_refused(folder: Path, driver: Any) -> None:
    (folder / "decide-01234567.cubin").write_bytes(b"\x7fELF evil!!")
    assert "decide-01234567.cubin is not the file" in refused(folder, driver, MismatchError)


def test_every_flipped_byte_is_found(folder: Path, driver: Any) -> None:
    generator = random.Random(0)
    for path in sorted(folder.iterdir()):
        sound = path.read_bytes()
        places = range(len(sound)) if len(sound) < 400 else generator.sample(range(len(sound)), 150)
        for place in places:
            flipped = bytearray(sound)
            flipped[place] ^= 1 << generator.randrange(8)
            if path.suffix == ".json" and _same_json(flipped, sound):
                continue
            path.write_bytes(flipped)
            refused(folder, driver)
        path.write_bytes(sound)
    CubinLibrary(driver, folder)


def _same_json(flipped: bytearray, sound: bytes) -> bool:
    try:
        return bool(json.loads(flipped) == json.loads(sound))
    except ValueError:
        return False


@pytest.mark.parametrize("name", ["kernels.json", "clear-01234567.cubin", "nearest-flat.bin"])
@pytest.mark.parametrize(
    "damage", ["missing", "empty", "truncated", "longer", "folder", "link", "open", "group", "pipe"]
)
def test_a_file_that_is_not_sound_is_refused(name: str, damage: str, folder: Path, driver: Any, tmp_path: Path) -> None:
    path = folder / name
    sound = path.read_bytes()
    if damage in {"missing", "folder", "link", "pipe"}:
        path.unlink()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(sound[:-1])
    elif damage == "longer":
        path.write_bytes(sound + b"}")
    elif damage == "folder":
        path.mkdir()
    elif damage == "link":
        (tmp_path / "elsewhere").write_bytes(sound)
        path.symlink_to(tmp_path / "elsewhere")
    elif damage == "open":
        path.chmod(0o646)
    elif damage == "group":
        path.chmod(0o664)
    elif damage == "pipe":
        os.mkfifo(path)
    refused(folder, driver)


DELETE = object()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 2),
        (("kernels", 0, "file"), "../clear-01234567.cubin"),
        (("kernels", 0, "file"), "/etc/passwd"),
        (("kernels", 0, "file"), ".hidden.cubin"),
        (("kernels", 0, "file"), "clear\0.cubin"),
        (("kernels", 0, "file"), "kernels.json"),
        (("kernels", 0, "file"), 7),
        (("kernels", 0, "bytes"), -1),
        (("kernels", 0, "bytes"), 1 << 40),
        (("kernels", 0, "bytes"), 3),
        (("kernels", 0, "sha256"), "00"),
        (("kernels", 0, "sha256"), "0" * 64),
        (("kernels", 0, "name"), "decide"),
        (("kernels", 0, "entry"), "a b"),
        (("kernels", 0, "threads"), 0),
        (("kernels", 0, "threads"), 2048),
        (("kernels", 0, "threads"), True),
        (("kernels", 0, "threads"), "128"),
        (("kernels", 0, "shared_bytes"), 1 << 30),
        (("kernels", 0, "scratch_pointers"), 1000),
        (("kernels", 0, "arguments"), [["scratch", "*fp16"]]),
        (("kernels", 0, "arguments"), [["scratch", "*fp16"], ["scratch", "i32"]]),
        (("kernels", 0, "arguments"), [["scratch", "*fp16"], ["size", "f128"]]),
        (("kernels", 0, "arguments"), "scratch"),
        (("kernels", 0, "aligned"), ["nothing"]),
        (("kernels",), [[[[]]]]),
        (("kernels",), [{}] * 5000),
        (("kernels",), DELETE),
        (("searches",), []),
        (("searches", "flat", "dim"), 5),
        (("searches", "flat", "inputs", 0, "offset"), 300),
        (("searches", "flat", "inputs", 0, "shape"), [7, 1 << 20]),
        (("searches", "flat", "inputs", 0, "dtype"), "fp8"),
        (("searches", "flat", "inputs", 0, "name"), "centers"),
        (("searches", "flat", "ranges"), []),
        (("searches", "flat", "ranges", 0, "most_rows"), 20),
        (("searches", "flat", "ranges", 0, "launches", 0, "kernel"), "gone"),
        (("searches", "flat", "ranges", 0, "launches", 0, "arguments", 0), "nowhere"),
        (("searches", "flat", "ranges", 0, "launches", 0, "arguments", 0), 4096),
        (("searches", "flat", "ranges", 0, "launches", 0, "arguments", 1), "scratch"),
        (("searches", "flat", "ranges", 0, "launches", 0, "arguments"), ["scratch"]),
        (("searches", "flat", "ranges", 0, "launches", 0, "grid"), [1, 1]),
        (("searches", "flat", "ranges", 0, "launches", 0, "grid"), [0, 1, 1]),
        (("searches", "flat", "ranges", 0, "launches", 0, "grid"), [1, 70_000, 1]),
        (("searches", "flat", "ranges", 0, "launches", 0, "grid", 0), {"every": 0, "times": 1}),
        (("searches", "flat", "ranges", 0, "buffers", 3, "shape"), [1]),
        (("searches", "flat", "ranges", 0, "buffers", 3, "dtype"), "fp32"),
        (("searches", "flat", "ranges", 0, "buffers", 1, "shape"), [8, 4]),
    ],
)
def test_a_sidecar_that_lies_is_refused_even_with_a_digest_that_fits(
    path: tuple[Any, ...], value: Any, content: dict[str, Any], write: Write, driver: Any
) -> None:
    place: Any = content
    for step in path[:-1]:
        place = place[step]
    if value is DELETE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    refused(write(content), driver)


def test_a_sidecar_that_is_not_even_an_object_is_refused(folder: Path, driver: Any) -> None:
    for text in ("", "null", "[]", "7", "[" * 100_000, '{"format": 1}', "\xff"):
        (folder / "kernels.json").write_text(text, encoding="latin-1")
        refused(folder, driver)


def test_a_changed_figure_needs_the_digest_to_fit(content: dict[str, Any], folder: Path, driver: Any) -> None:
    changed = copy.deepcopy(content)
    changed["kernels"][0]["registers"] = 17
    (folder / "kernels.json").write_text(json.dumps(changed | {"digest": sidecar_digest(content)}))
    assert "was changed after it was written" in refused(folder, driver, MismatchError)


def test_kernels_that_someone_else_built_are_not_loaded_without_a_word(
    folder: Path, driver: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another user"))
    said = refused(folder, driver, UntrustedError)
    assert "not known who built these" in said
    assert "--trust-engines" in said
    CubinLibrary(driver, folder, trusted=True).load_all()
    assert driver.named("load")
    (folder / "decide-01234567.cubin").write_bytes(b"\x7fELF evil!!")
    with pytest.raises(MismatchError, match="is not the file"):
        CubinLibrary(driver, folder, trusted=True)


def test_own_kernels_in_the_cache_are_used_beside_shipped_ones(
    folder: Path, driver: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = Path(shutil.copytree(folder, tmp_path / "shipped"))
    content = json.loads((shipped / "kernels.json").read_text())
    content["triton"] = "of someone else"
    del content["digest"]
    (shipped / "kernels.json").write_text(json.dumps(content | {"digest": sidecar_digest(content)}))
    model: Any = SimpleNamespace(root=tmp_path)
    monkeypatch.setattr(model_kernels, "compiled_folders", lambda *_: (shipped, folder))
    assert open_model_kernels(model, driver).sidecar.triton == "3.7.1"
    assert open_model_kernels(model, driver, trusted=True).sidecar.triton == "of someone else"
    (shipped / "kernels.json").chmod(0o664)
    assert open_model_kernels(model, driver, trusted=True).sidecar.triton == "3.7.1"
    (shipped / "kernels.json").chmod(0o644)
    monkeypatch.setattr(model_kernels, "compiled_folders", lambda *_: (shipped,))
    with pytest.raises(UntrustedError, match="shipped"):
        open_model_kernels(model, driver)
