"""The whole suite without a GPU: every part is gone through, and nothing that goes wrong costs more than its row."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu_suite
from benchmarks.gpu.schema import problems, speeds

SUITE = Path(gpu_suite.__file__)
HERE = Path(__file__).parent


def run(out: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, str(SUITE), str(out), "--dry-run", *arguments]
    ended = subprocess.run(command, cwd=out.parent, env=env, capture_output=True, text=True, timeout=280)
    result = json.loads(out.read_text()) if out.exists() else {}
    assert problems(result) == [], ended.stdout + ended.stderr
    return ended.returncode, result, ended.stdout + ended.stderr


def test_a_dry_run_goes_through_every_part(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code, result, said = run(tmp_path / "out.json")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code == 0, said
    assert result["dry_run"]
    assert {part["state"] for part in result["parts"]} == {"done"}
    rows = {row["name"]: row for part in result["parts"] for row in part["rows"]}
    assert {row["verdict"] for row in rows.values()} == {"dry run"}
    assert not list(speeds([part["rows"] for part in result["parts"]]))
    figures = [row for part in result["parts"] if part["kind"] == "figures" for row in part["rows"]]
    assert {row["parity"] for row in figures} == {"good"}
    collected = [row["counts"]["collected"] for row in rows.values() if "counts" in row]
    assert len(collected) == 8
    assert sum(collected) > 200
    # Seconds of a processor, not of a clock: it was 18 when this was written.
    used_s = sum(getattr(after, each) - getattr(before, each) for each in ("ru_utime", "ru_stime"))
    assert used_s < 45, "a dry run became slow"


@pytest.mark.slow
def test_every_case_of_ours_can_be_built_and_answers_rightly(tmp_path: Path) -> None:
    code, result, said = run(tmp_path / "out.json", "--every-case", "--parts", "figures/*", "--minutes", "4")
    assert code == 0, said
    assert sum(len(part["rows"]) for part in result["parts"]) > 40


@pytest.mark.slow
def test_a_bad_case_costs_its_own_row_and_nothing_else(tmp_path: Path) -> None:
    families = ["--families", "planted_family", "no_such_family"]
    parts = ["--parts", "figures/planted_family", "figures/no_such_family"]
    code, result, said = run(tmp_path / "out.json", *families, *parts)
    assert code == 1
    rows = {row["name"].removeprefix("planted/"): row for part in result["parts"] for row in part["rows"]}
    assert list(rows) == ["right", "wrong", "raises", "hangs", "crashes", "imports_videobert", "last", "no_such_family"]
    assert rows["right"]["verdict"] == rows["last"]["verdict"] == "dry run"
    assert rows["wrong"]["verdict"] == "parity is red"
    assert rows["wrong"]["parity"] == "label 3 is 5, not 4"
    assert "KeyError" in rows["raises"]["error"]
    assert "over its budget" in rows["hangs"]["error"]
    assert rows["hangs"]["verdict"] == "ended"
    assert "ended with 11" in rows["crashes"]["error"]
    assert "must not import videobert" in rows["imports_videobert"]["error"]
    assert "No module named 'no_such_family'" in rows["no_such_family"]["error"]
    assert not [row for row in rows.values() if "ours_ms" in row]
    assert "planted/wrong: parity is red" in said
    assert result["left"] == ["figures/planted_family"]


def test_without_a_gpu_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_suite.main([str(tmp_path / "out.json")]) == 4
    assert "nothing was measured" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}/none/out.json"], "there is no folder"),
        (["{}/out.json", "--minutes", "0"], "above 0"),
        (["{}/out.json", "--minutes", "nan"], "above 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit):
        gpu_suite.main([word.format(tmp_path) for word in arguments])
    assert said in capsys.readouterr().err


def test_the_environment_names_what_figures_depend_on() -> None:
    from benchmarks.gpu.environment import environment, sources

    found = environment("a commit")
    assert found["commit"] == "a commit"
    assert len(found["sources"]) == 64
    assert found["sources"] == sources()
    assert {"date", "device", "driver", "clocks", "torch", "triton", "fp_fusion"} <= set(found)
