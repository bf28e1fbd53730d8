"""The bundled model on the GPU, held against this machine's CPU; how a process starts; and the product's own tests."""

from __future__ import annotations

import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from typing import Any, Final

from benchmarks.gpu.case import device, tiny
from benchmarks.gpu.correctness import in_parallel
from benchmarks.gpu.end_to_end import CLIP, differences, model, wanted
from benchmarks.gpu.processes import ROOT, environment_of

_REPEATS: Final = 9
_FRESH_STARTS: Final = 3
# A process of its own each time: what a user waits for after starting a program.
_FRESH: Final = """
import json, sys, time
marks = [time.perf_counter()]
import videobert
marks.append(time.perf_counter())
with videobert.load("shapes", engine="torch", device=sys.argv[1], precision="fp32", decoder="pyav") as model:
    marks.append(time.perf_counter())
    report = model.run(sys.argv[2])
    marks.append(time.perf_counter())
    ids = model.tokens(sys.argv[2]).ids.tolist()
print(json.dumps([ids, [after - before for before, after in zip(marks, marks[1:])]]))
"""


def answers() -> dict[str, Any]:
    """Tokens and best answers of two films in fp32 and bf16, against the CPU's; what one vector of text differs by."""
    import numpy as np

    films = (CLIP,) if tiny() else (CLIP, ROOT / "tests" / "media" / "bigbuckbunny.mp4")
    asked = {"text": "a red circle grows", "video": None if tiny() else CLIP}
    vector = model("cpu", "fp32", "pyav").embed(**asked).vector
    rows: dict[str, Any] = {}
    for precision, allowed in (("fp32", 1e-4), ("bf16", 2e-2))[: 1 if tiny() else 2]:
        ours = model(device(), precision, "pyav")
        wrong = [differences(ours.run(film), wanted(film), allowed) for film in films]
        away = ours.embed(**asked).vector - vector
        rows[precision] = {
            "parity": next((each for each in wrong if each is not None), "good"),
            "films": len(films),
            "embedding_error": float(np.linalg.norm(away) / np.linalg.norm(vector)),
            "fallback": ours.origin.fallback,
        }
    return rows


def clips_on_the_device() -> dict[str, Any]:
    """Decoder to tokens without leaving the device, against the path through PyAV and the host."""
    importlib.import_module("nvidia.dali")
    opened = {decoder: model("cuda", "fp32", decoder) for decoder in ("dali", "pyav")}
    seen = {decoder: each.tokens(CLIP) for decoder, each in opened.items()}
    found, told = (seen[decoder].ids.tolist() for decoder in ("dali", "pyav"))
    if found != told:
        return {"parity": f"tokens are {found}, with PyAV {told}"}
    if seen["dali"].decoder_fallback is not None:
        return {"parity": f"PyAV read the film and not DALI: {seen['dali'].decoder_fallback}"}
    seconds = {decoder: median_s(lambda each=each: each.tokens(CLIP)) for decoder, each in opened.items()}
    return {"parity": "good", "clips": len(found), "tokens_s": seconds}


def median_s(run: Any) -> float:
    times = []
    for _ in range(_REPEATS):
        started_s = time.perf_counter()
        run()
        times.append(time.perf_counter() - started_s)
    return statistics.median(times)


def cold_start() -> dict[str, Any]:
    """From a fresh process to the first answer, compiled kernels kept from before: import, load, answer."""
    told = model("cpu", "fp32", "pyav").tokens(CLIP).ids.tolist()
    runs = []
    for _ in range(_FRESH_STARTS):
        command = [sys.executable, "-c", _FRESH, device(), str(CLIP)]
        done = subprocess.run(command, cwd=ROOT, env=environment_of(), capture_output=True, text=True)
        if done.returncode:
            raise ChildProcessError(f"ended with {done.returncode}: " + " ".join(done.stderr.split())[-600:])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    wrong = [ids for ids, _ in runs if ids != told]
    if wrong:
        return {"parity": f"tokens are {wrong[0]}, on the CPU {told}"}
    names = ("import_s", "load_s", "first_answer_s")
    seconds = dict(zip(names, zip(*(marks for _, marks in runs), strict=True), strict=True))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {"parity": "good", "first": {name: values[0] for name, values in seconds.items()}, "median": medians}


def gpu_tests() -> dict[str, Any]:
    """The tests outside `tests/kernels` that need a GPU: graph replay equal to eager, real drivers, packed encoder."""
    folders = [
        "tests/modeling/packed",
        "tests/runtime/cuda",
        "tests/runtime/engines/tensorrt",
        "tests/runtime/engines/test_torch_engine.py",
        "tests/runtime/visual/test_nearest.py",
    ]
    left_out = []
    if importlib.util.find_spec("openvino") is None:
        # They export a model, and an export is checked on OpenVINO.
        left_out = ["tests/runtime/cuda/test_build.py", "tests/runtime/engines/tensorrt"]
    folders = [folder for folder in folders if folder not in left_out]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", *in_parallel(0.5), *folders]
    command += [word for each in left_out for word in ("--ignore", each)]
    done = subprocess.run(command, cwd=ROOT, env=environment_of(), capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode:
        raise AssertionError(f"pytest ended with {done.returncode}: " + "\n".join(lines[-40:]))
    return {"summary": lines[-1:], "left_out_without_openvino": left_out}
