"""The plugins called by the real bindings of TensorRT, as its builder would, without its libraries and without a GPU.

The bindings' wheels are downloaded for this; where that cannot be, the tests are skipped and say so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import videobert_kernels
from videobert_kernels.nearest_centroid.plan import plan

HERE = Path(__file__).parent
VERSIONS = ("10.14.1.48.post1", "11.4.0.106")
COUNT, DIM = 1001, 100
PADDED, PADDED_DIM, BOUNDS = 1024, 128, 24
pytestmark = pytest.mark.slow


def record_names() -> ModuleType:
    path = HERE.parents[1] / "runtime" / "engines" / "tensorrt" / "record_names.py"
    spec = importlib.util.spec_from_file_location("record_names", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=VERSIONS)
def bindings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """Version, folder of the bindings, folder of the empty libraries."""
    place, stubs = tmp_path_factory.mktemp("bindings"), tmp_path_factory.mktemp("stubs")
    install = ["install", "-q", "--no-deps", "--only-binary", ":all:", "--target", str(place)]
    try:
        requirement = f"tensorrt-cu13-bindings=={request.param}"
        subprocess.run([sys.executable, "-m", "pip", *install, requirement], check=True, capture_output=True)
        (library,) = place.glob("tensorrt_bindings/tensorrt*.so")
        record_names().link_stubs(library, stubs)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the bindings cannot be downloaded or stubbed here: {error}")
    return request.param, place, stubs


def dry_run(
    bindings: tuple[str, Path, Path], capability: int, cases: list[dict[str, Any]], work: Path
) -> list[dict[str, Any]]:
    version, place, stubs = bindings
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env |= {
        "LD_LIBRARY_PATH": str(stubs),
        "PYTHONPATH": os.pathsep.join([str(Path(videobert_kernels.__path__[0]).parent), str(place)]),
    }
    (work / "cases.json").write_text(json.dumps(cases))
    command = [sys.executable, str(HERE / "dry_run.py"), str(capability), "cases.json", "answers.json"]
    done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    said = json.loads((work / "answers.json").read_text())
    assert said["version"] == version
    assert "registered already" in said["twice"]
    answers: list[dict[str, Any]] = said["answers"]
    return answers


def prepare(rows: int, kind: str = "FLOAT") -> dict[str, Any]:
    return {
        "plugin": "NearestPrepare",
        "rows": rows,
        "attributes": {"exponent": -3},
        "inputs": [[kind, [-1, DIM]], ["FLOAT", [DIM]]],
    }


def search(rows: int, most_rows: int) -> dict[str, Any]:
    return {
        "plugin": "NearestSearch",
        "rows": rows,
        "attributes": {"most_rows": most_rows, "centroids": COUNT},
        "inputs": [
            ["HALF", [-1, PADDED_DIM]],
            ["HALF", [PADDED, PADDED_DIM]],
            ["FLOAT", [PADDED]],
            ["FLOAT", [3, -1]],
        ],
    }


def rescore(rows: int, most_rows: int, tiles: int) -> dict[str, Any]:
    scores = ["FLOAT", [-1, tiles]]
    return {
        "plugin": "NearestRescore",
        "rows": rows,
        "attributes": {"most_rows": most_rows},
        "inputs": [
            ["FLOAT", [-1, DIM]],
            ["FLOAT", [COUNT, DIM]],
            ["FLOAT", [3, BOUNDS]],
            ["FLOAT", [3, -1]],
            scores,
            scores,
        ],
    }


def attention(rows: int, kind: str = "HALF", size: int = 64, causal: int = 0, segments: int = 8) -> dict[str, Any]:
    packed = [kind, [-1, 12, size]]
    return {
        "plugin": "PackedAttention",
        "rows": rows,
        "attributes": {"causal": causal, "longest_query": 512},
        "inputs": [packed, packed, packed, ["INT32", [segments + 1]], ["INT32", [segments, 2]]],
    }


def check_code(answer: dict[str, Any], inputs: int) -> None:
    """The parameters of the code are the inputs, the integers and the outputs, and its block is the launch's."""
    header = answer["ptx"].split(f".entry {answer['entry']}(")[1].split(")")[0].split(",")
    assert len(header) == inputs + len(answer["integers"]) + len(answer["outputs"])
    kinds = [".u64" if ".u64" in parameter else ".u32" for parameter in header]
    assert kinds == [".u64"] * inputs + [".u32"] * len(answer["integers"]) + [".u64"] * len(answer["outputs"])
    assert f".reqntid {answer['block'][0]}" in answer["ptx"]
    assert answer["grid"][1:] == answer["block"][1:] == [1, 1]
    assert answer["shared"] <= 48 * 1024


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("rows", [5, 300])
def test_the_nearest_centroid_is_launched_as_planned(
    bindings: tuple[str, Path, Path], capability: int, rows: int, tmp_path: Path
) -> None:
    most_rows = 16 if rows < 16 else 4096
    planned = plan(rows, COUNT, DIM, capability, exponent=-3)
    shapes = {buffer.name: list(buffer.shape) for buffer in planned.buffers}
    tiles = shapes["first"][1]
    cases = [prepare(rows), search(rows, most_rows), rescore(rows, most_rows, tiles)]
    outputs = (("coarse", "stats"), ("first", "second"), ("labels", "distances"))
    answers = dry_run(bindings, capability, cases, tmp_path)
    for answer, case, launch, names in zip(answers, cases, planned.launches, outputs, strict=True):
        check_code(answer, len(case["inputs"]))
        assert answer["grid"] == list(launch.grid)
        assert answer["block"][0] == launch.variant.warps * 32
        assert [shape for _, shape in answer["outputs"]] == [shapes[name] for name in names]
        values = dict(zip(launch.variant.arguments, launch.arguments, strict=True))
        wanted = [n for name, n in values.items() if isinstance(n, int) and name not in ("row_tiles", "exponent")]
        assert answer["integers"] == wanted
    assert [kind for answer in answers for kind, _ in answer["outputs"]] == [
        "HALF", "FLOAT", "FLOAT", "FLOAT", "INT32", "FLOAT",
    ]  # fmt: skip


def test_packed_attention_is_launched_as_by_the_operator(bindings: tuple[str, Path, Path], tmp_path: Path) -> None:
    cases = [attention(300), attention(1, "BF16", causal=1), attention(77, "FLOAT", 32, segments=1)]
    for answer, case in zip(dry_run(bindings, 90, cases, tmp_path), cases, strict=True):
        check_code(answer, 5)
        rows, segments = case["rows"], case["inputs"][4][1][0]
        # 128 queries a tile, 64 with a causal mask, 32 in fp32.
        tile = {"HALF": 128, "BF16": 64, "FLOAT": 32}[case["inputs"][0][0]]
        assert answer["grid"][0] == (rows // tile + segments + 1) * 12
        assert answer["integers"] == [rows, rows, segments, 12]
        assert answer["outputs"] == [[case["inputs"][0][0], [rows, *case["inputs"][0][1][1:]]]]


def test_wrong_types_and_shapes_are_refused(bindings: tuple[str, Path, Path], tmp_path: Path) -> None:
    other_dim, other_count, other_keys, other_ranges, open_size = (
        prepare(5), search(5, 16), attention(5), attention(5), attention(5),
    )  # fmt: skip
    other_dim["inputs"][1] = ["FLOAT", [DIM + 1]]
    other_count["attributes"]["centroids"] = 2000
    other_keys["inputs"][1] = ["HALF", [-1, 12, 32]]
    other_ranges["inputs"][4] = ["INT32", [9, 2]]
    for tensor in open_size["inputs"][:3]:
        tensor[1] = [-1, 12, -1]
    two_axes, long_offsets = attention(5), attention(5)
    two_axes["inputs"][0] = ["HALF", [-1, 768]]
    long_offsets["inputs"][3] = ["INT64", [9]]
    wrong = {
        "points has the wrong type": prepare(5, "INT32"),
        "center has the wrong shape": other_dim,
        "codebook has the wrong shape": other_count,
        "first has the wrong shape": rescore(5, 16, 8),
        "the profile has more rows": search(300, 16),
        "query has the wrong type": attention(5, "INT8"),
        "key has the wrong shape": other_keys,
        "key_ranges has the wrong shape": other_ranges,
        "query has an open axis": open_size,
        "query has the wrong shape": two_axes,
        "query_offsets has the wrong type": long_offsets,
        "this head size is not supported": attention(5, size=48),
    }
    answers = dry_run(bindings, 90, list(wrong.values()), tmp_path)
    for message, answer in zip(wrong, answers, strict=True):
        assert message in answer.get("refused", ""), answer
        assert answer["type"] == "KernelError"
