"""A `Bench` with everything that one can have."""

from __future__ import annotations

from dataclasses import replace

from videobert.bench.statistics import spread_of
from videobert.results.bench import Bench, ColdStart, Noise, Roofs, StageTime, SweepPoint


def stage(name: str, self_s: float, thread: str = "caller") -> StageTime:
    counted = name in ("backbone", "encoder")
    return StageTime(
        name=name,
        thread="caller" if thread == "caller" else "beside",
        calls=3,
        self_s=self_s,
        call=spread_of([self_s / 3, self_s / 2]),
        flops=2e9 if counted else None,
        flops_per_s=2e9 / self_s if counted else None,
        of_roof=0.42 if counted else None,
        least_bytes=1e8 if counted else None,
        bytes_per_s=1e8 / self_s if counted else None,
        of_bandwidth=0.1 if counted else None,
    )


BENCH = Bench(
    model="<b>made</b>",
    engine="openvino",
    device="CPU",
    precision="bf16",
    verb="run",
    video={"name": "a & b.mp4", "seconds": 10.0, "width": 640, "height": 272, "fps": 25.0},
    environment={"cpu": "A processor", "cpu_features": ["avx2", "amx_bf16"], "cores": 2, "date": "2026-01-01"},
    answer=spread_of([0.5, 0.52, 0.61]),
    first_result=spread_of([0.2, 0.21]),
    warm_up_s=(0.9, 0.55),
    times_real_time=19.2,
    stages=(
        stage("decode", 0.3),
        stage("encoder", 0.15),
        stage("other", 0.05),
        stage("backbone", 0.4, "beside"),
    ),
    explained=0.9,
    noise=Noise(spread=0.01, others=0.012, allowed=0.05, load=0.1, quiet=True),
    roofs=Roofs(flops_per_s={"fp32": 2e11, "bf16": 4e11}, bytes_per_s=2e10),
    cold=ColdStart(import_s=0.1, load_s=0.3, first_load_s=2.0, first_answer_s=0.9, peak_memory_bytes=500_000_000),
    sweep=(
        SweepPoint(setting={"threads": 1}, answer=spread_of([0.8]), times_real_time=12.5, same_answers=0.995),
        SweepPoint(
            setting={"batch": 4}, answer=spread_of([0.4]), times_real_time=15.0, note="one clip a call, 1 at once"
        ),
        SweepPoint(setting={"engine": "tensorrt"}, error="the engine tensorrt is not installed"),
    ),
    answers_s=(0.5, 0.52, 0.61),
)
NOISY = replace(BENCH, noise=Noise(spread=0.2, others=0.5, allowed=0.05, load=4.0, quiet=False), sweep=(), roofs=None)
