"""`videobert build --target triton-server`, with the real DALI pipeline inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import EngineUnavailable

pytest.importorskip("tritonclient", reason="the check reads configurations with Triton's own protobuf")
pytest.importorskip("nvidia.dali", reason="the pipeline is serialised by DALI")


def test_the_bundled_model_becomes_a_repository_without_faults(call: Any, tmp_path: Path) -> None:
    from videobert.serve.triton.lint import lint

    out = tmp_path / "repository"
    done = call("build", "shapes", "--target", "triton-server", "--out", str(out), "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert {row["name"]: row["backend"] for row in said["built"]} == {
        "preprocess": "dali",
        **dict.fromkeys(
            ("backbone", "nearest", "encoder", "text_head", "visual_head", "alignment_head"), "onnxruntime"
        ),
        "video_to_tokens": "ensemble",
    }
    assert "served by onnxruntime" in done.err
    assert lint(out) == []
    assert (out / "preprocess" / "1" / "model.dali").stat().st_size > 1000


def test_the_pipelines_inputs_are_those_of_the_configuration(call: Any, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    assert call("build", "shapes", "--target", "triton-server", "--out", str(out)).code == 0
    text = (out / "preprocess" / "config.pbtxt").read_text()
    content = (out / "preprocess" / "1" / "model.dali").read_bytes()
    for name in ("VIDEO", "FRAMES", "ORDER_0", "FIRST", "LAST", "LUMA", "CHROMA"):
        assert f'name: "{name}"' in text
        assert name.encode() in content
    assert 'name: "CLIP_0"' in text


@pytest.mark.parametrize(
    ("options", "said"),
    [([], "Pass --out DIR"), (["--precision", "fp16", "--out", "x"], "belong to engine targets")],
)
def test_what_a_server_does_not_need_or_needs_is_said(call: Any, options: list[str], said: str) -> None:
    done = call("build", "shapes", "--target", "triton-server", *options)
    assert done.code == 2
    assert said in done.err


def test_where_dali_is_missing_the_extra_of_the_server_is_named(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise EngineUnavailable("the dali decoder cannot run", seen="No module named 'nvidia'", fix="Run something.")

    monkeypatch.setattr("videobert.cli.build.server.import_dali", missing)
    done = call("build", "shapes", "--target", "triton-server", "--out", str(tmp_path / "repository"))
    assert done.code == 4
    assert "pip install 'videobert[triton-server]'" in done.err
    assert "decoder" not in done.err
