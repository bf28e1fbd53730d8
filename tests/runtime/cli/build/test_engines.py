"""`videobert build --target tensorrt-rtx`: what it asks of the engine builder, what it prints, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import BuildError, EngineUnavailable
from videobert.engines.tensorrt.build.engine_folder import BuiltEngine
from videobert.model.folder import ModelFolder, find

VERSION = "1.7.1.116"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stands in for the builder, and keeps how it was asked."""
    kept: list[dict[str, Any]] = []

    def build(folder: ModelFolder, place: Path, **options: Any) -> tuple[BuiltEngine, ...]:
        kept.append({"folder": folder.root, "place": place, **options})
        engine = BuiltEngine(
            stage="encoder",
            precision=options["precision"],
            targets=("8.6",),
            path=place / "encoder.plan",
            size_bytes=123,
            fused_attention=6,
            expected_attention=6,
            build_s=1.25,
            peak_memory_bytes=1 << 28,
            cached=False,
        )
        return (engine,)

    monkeypatch.setattr("videobert.cli.build.engines.build_engines", build)
    monkeypatch.setattr("videobert.engines.tensorrt.flavour.Flavour.version", lambda self: VERSION)
    return kept


def test_it_makes_one_folder_and_says_what_was_fused(call: Any, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    ended = call("build", "shapes", "-t", "tensorrt-rtx", "--sm", "8.6, 12.0", "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "fused attention 6 of 6" in ended.out
    assert "123 bytes" in ended.out
    (asked_for,) = asked
    assert asked_for["place"] == tmp_path / "out" / "engines" / "tensorrt-rtx"
    assert asked_for["capabilities"] == ("8.6", "12.0")
    assert asked_for["precision"] == "fp16"
    assert ModelFolder(tmp_path / "out").names() == ModelFolder("shapes").names()
    ModelFolder(tmp_path / "out").verify()


def test_a_bundled_model_is_not_written_to(
    call: Any, asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = call("build", "shapes", "--target", "tensorrt-rtx", "--precision", "bf16", "--json")
    assert ended.code == 0
    assert "--out" in ended.err
    assert asked[0]["place"].is_relative_to(tmp_path)
    (row,) = ended.json["built"]
    assert (row["precision"], row["targets"], row["fused_attention"]) == ("bf16", ["8.6"], 6)
    assert not (find("shapes") / "engines").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "tensorrt-rtx", "--precision", "fp8", "--sm", "8.6"], "cannot run fp8"),
        (["--target", "tensorrt-rtx", "--sm", "9.0"], "9.0"),
        (["--target", "tensorrt-rtx", "--precision", "fp64"], "precision is not known"),
        (["--target", "tensorrt", "--sm", "8.6"], "GPU of the machine"),
        (["--precision", "fp16"], "--target"),
        (["--target", "abacus"], "tensorrt-rtx, tensorrt, triton-server, cuda-sm80,"),
        (["--target", "cuda-sm70"], "cuda-sm80, cuda-sm86, cuda-sm89, cuda-sm90, cuda-sm100, cuda-sm120"),
        (["--target", "cuda-sm90", "--precision", "fp4"], "fp32, fp16, bf16"),
        (["--target", "cuda-sm90", "--sm", "9.0"], "Leave --sm out"),
    ],
)
def test_what_cannot_be_is_a_usage_error_and_nothing_is_written(
    call: Any, asked: list[dict[str, Any]], tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = call("build", "shapes", *arguments, "--out", tmp_path / "out")
    assert ended.code == 2
    assert said in ended.err
    assert "fix:" in ended.err
    assert not asked
    assert not (tmp_path / "out").exists()


def test_a_missing_library_is_an_environment_error(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object) -> str:
        raise EngineUnavailable("no library", fix="Run `pip install 'videobert[tensorrt-rtx]'`.")

    monkeypatch.setattr("videobert.engines.tensorrt.flavour.Flavour.version", missing)
    ended = call("build", "shapes", "--target", "tensorrt-rtx", "--out", tmp_path / "out")
    assert ended.code == 4
    assert "pip install 'videobert[tensorrt-rtx]'" in ended.err
    assert not (tmp_path / "out").exists()


def test_the_builders_log_is_shown_on_request(call: Any, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        error = BuildError("no engine", seen="it crashed (SIGSEGV)")
        error.log = "last words of the builder"
        raise error

    monkeypatch.setattr("videobert.cli.build.engines.build_engines", fail)
    arguments = ("build", "shapes", "--target", "tensorrt-rtx")
    quiet, loud = call(*arguments), call(*arguments, "--debug")
    assert quiet.code == loud.code == 4
    assert "SIGSEGV" in quiet.err
    assert "last words" not in quiet.err
    assert "last words of the builder" in loud.err


def test_an_out_inside_the_model_is_refused(call: Any, asked: list[dict[str, Any]]) -> None:
    ended = call("build", "shapes", "--target", "tensorrt-rtx", "--out", find("shapes") / "built")
    assert ended.code == 2
    assert not (find("shapes") / "built").exists()
