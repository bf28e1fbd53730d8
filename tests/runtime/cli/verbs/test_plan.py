"""`videobert plan`: what reaches the plan, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.runtime.report.sample_bench import BENCH, NOISY

from videobert.bench import plan as plan_module
from videobert.bench.statistics import spread_of
from videobert.results.plan import Plan, PlanCandidate

CHOSEN = PlanCandidate(
    engine="openvino",
    precision="bf16",
    threads=2,
    decoder_threads=1,
    hint="latency",
    stride=1,
    batch=1,
    latency=spread_of([0.04] * 5),
    times_real_time=9.0,
    peak_memory_bytes=300_000_000,
    agreement=0.995,
    fits=True,
)
LEFT = PlanCandidate(
    engine="torch", precision="fp32", threads=None, hint="latency", stride=1, why="torch is not installed."
)


def found(quiet: bool) -> Plan:
    return Plan(
        model="shapes",
        video="clip.mp4",
        asked={"latency_ms": 50.0},
        chosen=CHOSEN,
        loss=0.005,
        reference="openvino in fp32, stride 1",
        command="videobert run clip.mp4 --precision bf16",
        python="videobert.load('shapes', precision='bf16').run('clip.mp4')",
        candidates=(LEFT, CHOSEN),
        noise=(BENCH if quiet else NOISY).noise,
    )


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    known: dict[str, Any] = {"quiet": True}

    def stand_in(*given: Any, on_step: Any, **asked: Any) -> Plan:
        known["asked"] = (given, asked)
        return found(known["quiet"])

    monkeypatch.setattr(plan_module, "plan", stand_in)
    return known


def test_what_is_typed_reaches_the_plan(call: Any, answer: dict[str, Any]) -> None:
    done = call(
        "plan", "clip.mp4", "--latency-ms", "50", "--memory-mb", "500", "--engine", "openvino", "-m", "everyday"
    )
    assert done.code == 0, done.err
    (model, video), asked = answer["asked"]
    assert (model, video) == ("everyday", Path("clip.mp4"))
    assert (asked["latency_ms"], asked["memory_mb"], asked["engines"]) == (50.0, 500.0, ["openvino"])
    assert asked["precisions"] is None
    assert (asked["real_time"], asked["least_agreement"]) == (1.0, 0.99)
    lines = done.out.splitlines()
    assert lines[0] == "videobert run clip.mp4 --precision bf16"
    assert "loss in agreement: 0.50% against openvino in fp32, stride 1" in done.out
    assert "torch is not installed." in done.out
    assert "2 threads 1 decoding thread " in " ".join(done.out.split())
    assert "chosen" in done.out
    assert "noisy machine" not in done.out


def test_a_plan_of_a_noisy_machine_says_so(call: Any, answer: dict[str, Any]) -> None:
    answer["quiet"] = False
    assert "noisy machine" in call("plan", "clip.mp4").out


def test_json_has_everything(call: Any, answer: dict[str, Any]) -> None:
    told = call("plan", "clip.mp4", "--json").json
    assert told["chosen"]["precision"] == "bf16"
    assert told["loss"] == 0.005
    assert [each["why"] for each in told["candidates"]] == ["torch is not installed.", None]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("missing.mp4", None, "there is no such video file"), ("clip.vbt", b"VBTOKEN\x01", "these are saved tokens")],
)
def test_what_is_no_video_is_told_before_anything_is_measured(
    call: Any, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = call("plan", tmp_path / name, "--latency-ms", "1000")
    assert done.code == 3
    assert said in done.err
    assert "no setting" not in done.err


def test_a_limit_that_is_none_is_refused(call: Any) -> None:
    done = call("plan", "clip.mp4", "--latency-ms", "0")
    assert done.code == 2
    assert "the latency is out of range" in done.err
    assert "Choose another --latency-ms." in done.err
    assert call("plan", "clip.mp4", "--engine", "abacus").code == 2
