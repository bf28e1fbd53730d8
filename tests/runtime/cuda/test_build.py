"""From `videobert build --target` to launches: what is written, and that it says what the kernels' own plan says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import ModelError
from videobert.cli.build import cubins as build_cubins
from videobert.cli.main import main
from videobert.cuda.cubin_library import CubinLibrary, target_of
from videobert.cuda.nearest import CudaNearest
from videobert.engines.tensorrt.model_kernels import open_model_kernels
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.visual.codebook import Codebook


@pytest.fixture
def build(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["build", *map(str, arguments)])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def built(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny model with kernels for sm_80."""
    copy = tmp_path_factory.mktemp("built") / "model"
    shutil.copytree(model_folder, copy)
    with pytest.raises(SystemExit) as ended:
        main(["build", str(copy), "--target", "cuda-sm80", "--quiet"])
    assert not ended.value.code
    return copy


@pytest.mark.slow
def test_what_is_written_can_be_opened_and_names_no_path(built: Path, make_driver: Any) -> None:
    library = open_model_kernels(ModelFolder(built), make_driver(capability=80))
    folder = built / "engines" / "cuda-sm80"
    sidecar = json.loads((folder / "kernels.json").read_text())
    assert {path.name for path in folder.iterdir()} == {
        "kernels.json",
        *(entry["file"] for entry in [*sidecar["kernels"], *sidecar["searches"].values()]),
    }
    assert set(sidecar["searches"]) == {"flat", "tree"}
    assert (sidecar["target"], sidecar["capability"], sidecar["fp_fusion"]) == ("cuda-sm80", 80, True)
    for path in folder.iterdir():
        content = path.read_bytes()
        for word in (b".py", str(Path.home()).encode(), str(built).encode(), b"triton_kernel"):
            assert word not in content, f"{path.name} holds {word!r}"
    for kernel in library.sidecar.kernels.values():
        assert library._contents[kernel.image.file].startswith(b"\x7fELF")
    with pytest.raises(ModelError, match="no compiled kernels for this GPU"):
        open_model_kernels(ModelFolder(built), make_driver(capability=120))


@pytest.mark.slow
def test_only_what_the_model_needs_is_stored(built: Path) -> None:
    sidecar = json.loads((built / "engines" / "cuda-sm80" / "kernels.json").read_text())
    encoder = ModelFolder(built).config.encoder
    names = [kernel["name"] for kernel in sidecar["kernels"]]
    for operator in ("nearest_", "attention_", "bias_gelu_", "bias_residual_layer_norm_", "embed_layer_norm_"):
        assert any(name.startswith(operator) for name in names), f"no {operator} in {names}"
    for kernel in sidecar["kernels"]:
        constants = kernel["constants"]
        assert constants.get("HEAD_SIZE", 0) in (0, encoder.width // encoder.heads)
        assert constants.get("CAUSAL", False) is False
        assert not any(kind == "*bf16" for _, kind in kernel["arguments"])


@pytest.mark.slow
def test_the_same_model_gives_the_same_bytes_and_leftovers_go(built: Path, build: Any) -> None:
    folder = built / "engines" / "cuda-sm80"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "old-00000000.cubin").write_bytes(b"old")
    code, out, _ = build(built, "--target", "cuda-sm80", "--json")
    assert code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    answer = json.loads(out)
    assert answer["targets"] == ["cuda-sm80"]
    assert {row["name"] for row in answer["built"]} == set(before) - {"kernels.json"}
    assert all(row["target"] == "cuda-sm80" and row["size_bytes"] > 0 for row in answer["built"])


@pytest.mark.slow
@pytest.mark.parametrize("method", ["flat", "tree"])
def test_the_launches_are_those_of_the_kernels_own_plan(method: str, built: Path, make_driver: Any) -> None:
    from videobert_kernels.ops.nearest_centroid.pack import pack_centroids, pack_tree
    from videobert_kernels.ops.nearest_centroid.plan import plan, plan_tree

    torch = pytest.importorskip("torch")
    codebook = Codebook.load(built / "codebook.safetensors")
    driver = make_driver(capability=80)
    library = CubinLibrary(driver, built / "engines" / target_of(80))
    nearest = CudaNearest(driver, library, codebook.hash, method)
    leaves = torch.from_numpy(codebook.leaves)
    levels = [(torch.from_numpy(level.centroids), torch.from_numpy(level.offsets)) for level in codebook.levels or ()]
    tree, packed = pack_tree(levels, leaves), pack_centroids(leaves)
    for rows in (1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 127, 129, 1000, 4097):
        driver.calls.clear()
        nearest.assign(np.zeros((rows, codebook.dim), np.float32))
        if method == "flat":
            meant = plan(rows, len(leaves), codebook.dim, 80, exponent=packed.exponent)
        else:
            nodes = len(tree.nodes)
            meant = plan_tree(rows, nodes, nodes - tree.leaves, tree.depth, codebook.dim, 80)
        launched = driver.named("launch")
        assert [call[2] for call in launched] == [launch.grid for launch in meant.launches]
        for call, launch in zip(launched, meant.launches, strict=True):
            kernel = library.sidecar.kernels[launch.variant.name]
            assert call[1] == kernel.entry == launch.variant.kernel.partition(":")[2]
            assert call[3] == 32 * launch.variant.warps
            numbers = [value for value in launch.arguments if not isinstance(value, str)]
            kinds = [kind for _, kind in kernel.arguments]
            assert _numbers(call[4], kinds) == numbers
        held = {buffer.name: nearest._buffers[buffer.name].size_bytes for buffer in meant.buffers}
        assert all(held[buffer.name] >= buffer.bytes for buffer in meant.buffers)


def _numbers(parameters: bytes, kinds: list[str]) -> list[int]:
    """The i32 values among the parameters, read back by hand."""
    place, found = 0, []
    for kind in kinds:
        size = 8 if kind.startswith("*") else 4
        place += -place % size
        if size == 4:
            found.append(int.from_bytes(parameters[place : place + 4], "little", signed=True))
        place += size
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["flat", "tree"])
def test_the_uploaded_arrays_are_the_packed_codebook(method: str, built: Path, make_driver: Any) -> None:
    codebook = Codebook.load(built / "codebook.safetensors")
    driver = make_driver(capability=80)
    nearest = CudaNearest(driver, CubinLibrary(driver, built / "engines/cuda-sm80"), codebook.hash, method)
    if method == "flat":
        assert bytes(nearest._buffers["centroids"].memory) == codebook.leaves.tobytes()  # type: ignore[attr-defined]
    else:
        tables = [*(level.centroids for level in codebook.levels or ()), codebook.leaves]
        nodes = bytes(nearest._buffers["nodes"].memory)  # type: ignore[attr-defined]
        assert nodes == b"".join(table.tobytes() for table in tables)


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, int, dict[str, Any]]]:
    """`build_cubins` that compiles nothing and remembers what it was asked."""
    from videobert_kernels.compile import cubins

    asked: list[tuple[Path, int, dict[str, Any]]] = []

    def stub(folder: Path, capability: int, **options: Any) -> dict[str, Any]:
        asked.append((folder, capability, options["traits"]))
        entry = {"name": "k", "file": "k-00000000.cubin", "bytes": 9, "registers": 30}
        return {"kernels": [entry], "searches": {}, "digest": "0" * 64}

    monkeypatch.setattr(cubins, "build_cubins", stub)
    monkeypatch.setattr(build_cubins, "_searches", lambda *_: ("", {}))
    return asked


def test_several_targets_are_built_in_order_and_once(
    model_folder: Path, tmp_path: Path, build: Any, stubbed: list[Any]
) -> None:
    out = tmp_path / "copy"
    arguments = ["-t", "cuda-sm120", "-t", "cuda-sm90", "-t", "cuda-sm120", "--precision", "bf16"]
    code, said, _ = build(model_folder, "--out", out, *arguments, "--json")
    assert code == 0
    assert json.loads(said)["targets"] == ["cuda-sm120", "cuda-sm90"]
    assert [(place, capability) for place, capability, _ in stubbed] == [
        (out / "engines" / "cuda-sm120", 120),
        (out / "engines" / "cuda-sm90", 90),
    ]
    encoder = ModelFolder(model_folder).config.encoder
    traits = {"dtype": "bf16", "head_size": encoder.width // encoder.heads, "width": encoder.width, "causal": False}
    assert stubbed[0][2] == traits
    assert not (model_folder / "engines").exists()


def test_a_folder_that_is_not_written_to_has_its_kernels_in_the_cache(
    build: Any, stubbed: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, _, talk = build("shapes", "--target", "cuda-sm90")
    assert code == 0
    assert stubbed[0][0].is_relative_to(tmp_path)
    assert stubbed[0][0].name == "cuda-sm90"
    assert "is not written to" in talk


def test_nothing_is_written_through_a_link_in_the_folder(build: Any, stubbed: list[Any], tmp_path: Path) -> None:
    model = Path(shutil.copytree(BUNDLED / "shapes", tmp_path / "model"))
    (tmp_path / "elsewhere").mkdir()
    (model / "engines").symlink_to(tmp_path / "elsewhere")
    code, _, talk = build(model, "--target", "cuda-sm90")
    assert code == 3
    assert "engines of the model folder is a link" in talk
    assert stubbed == []


def test_only_kernels_of_an_earlier_build_are_removed(tmp_path: Path) -> None:
    from videobert_kernels.compile import cubins

    for name in ("attention-01234567.cubin", "nearest-flat-89abcdef.bin", "weights.bin", "mine.cubin", "a-0.bin"):
        (tmp_path / name).write_text("")
    cubins._remove_others(tmp_path, {"kernels": [], "searches": {}})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-0.bin", "mine.cubin", "weights.bin"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "cuda-sm75"], "this target is not known\n  seen:    cuda-sm75"),
        (["--target", "cuda-sm9"], "triton-server, cuda-sm80, cuda-sm86"),
        (["--target", "cuda-sm90", "--target", "nothing"], "this target is not known\n  seen:    nothing"),
        (["--target", "cuda-sm90", "--precision", "int8"], "no kernels for this precision\n  seen:    int8"),
        (["--target", "cuda-sm90", "--sm", "9.0"], "--sm does not go with cuda-sm90"),
    ],
)
def test_what_cannot_be_built_is_a_usage_error(
    arguments: list[str], said: str, model_folder: Path, build: Any, stubbed: list[Any]
) -> None:
    code, out, err = build(model_folder, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert stubbed == []


def test_every_shipped_capability_is_a_target() -> None:
    from videobert.cuda.kernel_targets import KERNEL_TARGETS
    from videobert_kernels.variant import CAPABILITIES

    assert tuple(KERNEL_TARGETS.values()) == CAPABILITIES
