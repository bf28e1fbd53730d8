"""`videobert compare`: what reaches the comparison, what is said of it, and how it ends."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.report.sample_bench import BENCH

from videobert.bench import compare as compare_module
from videobert.bench.statistics import spread_of
from videobert.results.as_json import to_json
from videobert.results.compare import Apart, Comparison, KeptStage, Share, Side, Speed

STAGE = Apart(name="backbone", max_abs=0.5, relative=0.1, allowed=0.01, agrees=False)
LAYER = dataclasses.replace(STAGE, name="node_conv3d_7", kind="Convolution")
SPREAD = spread_of([1.0, 1.1, 1.2])
SPEED = Speed(ratio=0.5, low=0.45, high=0.55, pairs=10, a=SPREAD, b=SPREAD, verdict="faster")
GOOD = Comparison(
    a=Side(name="shapes:fp32", model="shapes", engine="openvino", device="CPU", precision="fp32"),
    b=Side(name="shapes:bf16", model="shapes", engine="openvino", device="CPU", precision="bf16"),
    video="clip.mp4",
    stages=(dataclasses.replace(STAGE, relative=0.001, agrees=True),),
    tokens=Share(share=1.0, low=0.9, high=1.0, count=40, of="tokens"),
    parity=True,
    keep=(KeptStage(stage="backbone", layers=("node_conv3d_7",), error=0.01, error_kept=0.004),),
    speed=SPEED,
)
RED = dataclasses.replace(
    GOOD,
    stages=(STAGE,),
    first_stage="backbone",
    layers=(LAYER,),
    first_layer="node_conv3d_7",
    parity=False,
    keep=(),
    speed=None,
    notes=("no speed: B does not give what A gives",),
)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the comparison finds, and what it was asked for."""
    known: dict[str, Any] = {"found": GOOD}

    def stand_in(*given: Any, on_step: Any, **asked: Any) -> Comparison:
        known["asked"] = (given, asked)
        found: Comparison = known["found"]
        return found

    monkeypatch.setattr(compare_module, "compare", stand_in)
    return known


def test_what_is_typed_reaches_the_comparison(call: Any, answer: dict[str, Any], tmp_path: Path) -> None:
    done = call("compare", "shapes:fp32", "shapes:bf16", "a.mp4", "--runs", "7", "--no-speed", "--stride", "2")
    assert done.code == 0, done.err
    (a, b, video), asked = answer["asked"]
    assert (a, b, video) == ("shapes:fp32", "shapes:bf16", Path("a.mp4"))
    assert (asked["runs"], asked["speed"], asked["stride"], asked["layers"]) == (7, False, 2, False)
    assert "parity: B gives what A gives" in done.out
    assert "tokens: 100.0% equal (90.0% to 100.0% with 95 %, 40 tokens)" in done.out
    assert "B is faster: 2.00 times (1.82 to 2.22 with 99 %, 10 pairs)" in done.out


def test_without_parity_the_layer_is_named_and_no_speed_is(call: Any, answer: dict[str, Any]) -> None:
    answer["found"] = RED
    done = call("compare", "shapes:fp32", "shapes:bf16")
    assert done.code == 1
    assert "NO PARITY" in done.out
    assert "first stage beyond tolerance: backbone, and in it the layer node_conv3d_7" in done.out
    assert "times (" not in done.out
    assert call("compare", "shapes:fp32", "shapes:bf16", "--json").json["speed"] is None


def test_no_verdict_says_why(call: Any, answer: dict[str, Any]) -> None:
    answer["found"] = dataclasses.replace(
        GOOD, speed=dataclasses.replace(SPEED, verdict="too noisy to say", why="the machine was under load")
    )
    done = call("compare", "shapes:fp32", "shapes:bf16")
    assert done.code == 0
    assert "too noisy to say: the machine was under load" in done.out
    assert "faster" not in done.out


def test_layers_are_written_for_build(call: Any, answer: dict[str, Any], tmp_path: Path) -> None:
    from videobert.model.folder import ModelFolder
    from videobert.model.kept_layers import read_kept_layers

    done = call("compare", "shapes:fp32", "shapes:bf16", "--layers", str(tmp_path / "kept.json"))
    assert done.code == 0, done.err
    assert answer["asked"][1]["layers"] is True
    kept = read_kept_layers(tmp_path / "kept.json")
    kept.check(ModelFolder("shapes"))
    assert kept.of("backbone") == {"node_conv3d_7"}


def test_the_other_environment_reaches_the_comparison(call: Any, answer: dict[str, Any]) -> None:
    assert call("compare", "shapes", "shapes", "--beside", "/old/bin/python").code == 0
    assert answer["asked"][1]["beside"] == Path("/old/bin/python")
    assert answer["asked"][1]["runs"] is None
    answer["found"] = dataclasses.replace(GOOD, speed=dataclasses.replace(SPEED, ratio=1.1, verdict="slower"))
    # Of two engines the slower one is no fault; of two releases it is.
    assert call("compare", "shapes:bf16", "shapes:fp32").code == 0
    assert call("compare", "shapes", "shapes", "--beside", "/old/bin/python").code == 1


def test_two_files_of_figures_are_judged(call: Any, tmp_path: Path) -> None:
    noise = dataclasses.replace(BENCH.noise, quiet=True)
    for name, scale in (("old", 1.0), ("new", 1.5)):
        bench = dataclasses.replace(BENCH, answers_s=tuple(scale * (1 + 0.001 * i) for i in range(9)), noise=noise)
        (tmp_path / name).write_text(json.dumps(to_json(bench)))
    slower = call("compare", str(tmp_path / "old"), str(tmp_path / "new"))
    assert slower.code == 1, slower.err
    assert "B is slower: 1.50 times" in slower.out
    assert call("compare", str(tmp_path / "new"), str(tmp_path / "old")).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shapes:fp31", "shapes"), "no side of a comparison"),
        (("no-such-model", "shapes"), "no such model"),
        (("shapes",), "B is missing"),
        (("shapes", "shapes", "--runs", "2"), "runs"),
        (("shapes", "shapes", "--layers", "nowhere/kept.json"), "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_said(call: Any, words: tuple[str, ...], said: str) -> None:
    done = call("compare", *words)
    assert done.code in (2, 3)
    assert said in done.err
