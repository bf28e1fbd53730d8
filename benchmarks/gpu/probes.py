"""What a machine with a GPU can do with the whole product: questions that no machine without one can answer.

Run by `gpu_suite.py`, each in a process of its own: `python -m benchmarks.gpu.probes NAME` prints one JSON object. A
probe needs more than the figures do, `videobert` among it; what is not installed is said, not failed on.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CLIP: Final = ROOT / "runtime" / "videobert" / "bundled" / "shapes" / "clip.mp4"
_REPEATS: Final = 9
_MOST_WORKERS: Final = 8


def nvdec() -> dict[str, Any]:
    """Whether the driver's decoding library is exposed, and which codecs DALI decodes with it as PyAV does."""
    found: dict[str, Any] = {}
    try:
        ctypes.CDLL("libnvcuvid.so.1")
        found["libnvcuvid"] = "loads"
    except OSError as error:
        return {"libnvcuvid": str(error)}
    importlib.import_module("nvidia.dali")
    from videobert.video.dali_trial import failure

    found["dali"] = {codec: failure(codec, "cuda") or "equal to PyAV" for codec in ("h264", "hevc", "av1", "vp9")}
    return found


def decode_rate() -> dict[str, Any]:
    """Films through DALI on NVDEC and PyAV: time to the first clip, and frames; torchcodec and NVDEC alone beside."""
    importlib.import_module("nvidia.dali")
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder, "1080p.mp4")
        _write_film(large)
        return {name: _decoded(film) for name, film in (("bundled, 854x480", CLIP), ("made, 1920x1080", large))}


def _write_film(path: Path) -> None:
    """10 s of H.264 with a key frame each second: a coarse pattern that moves, with grain that the encoder keeps."""
    import av
    import numpy as np

    random = np.random.default_rng(0)
    pattern = np.kron(random.integers(0, 256, (34, 60, 3)), np.ones((32, 32, 1))).astype(np.uint8)[:1080]
    pattern += random.integers(0, 8, pattern.shape, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "g": "30", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(300):
            frame = av.VideoFrame.from_ndarray(np.roll(pattern, 3 * number, axis=1), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _decoded(film: Path) -> dict[str, Any]:
    from videobert.model.recipe import Recipe
    from videobert.video.open import open_clips

    def through(decoder: Any, device: Any) -> tuple[float, float, str | None]:
        started_s, first_s, samples = time.perf_counter(), 0.0, 0
        with open_clips(film, Recipe(), decoder=decoder, device=device) as stream:
            for clip in stream:
                first_s = first_s or time.perf_counter() - started_s
                samples += len(clip.frames)
            reason = stream.info.decoder_fallback
        return first_s, samples / (time.perf_counter() - started_s), reason

    rows: dict[str, Any] = {}
    for name, decoder, device in (("dali on cuda", "dali", "cuda"), ("pyav on cpu", "pyav", "cpu")):
        runs = [through(decoder, device) for _ in range(_REPEATS)]
        rows[name] = {
            "cold_first_clip_s": runs[0][0],
            "first_clip_s": statistics.median(run[0] for run in runs[1:]),
            "frames_per_s": statistics.median(run[1] for run in runs[1:]),
            "fallback": runs[-1][2],
        }
    rows["torchcodec on cuda"] = _rate("torchcodec.decoders", partial(_torchcodec, film))
    rows["nvdec alone"] = _rate("PyNvVideoCodec", partial(_nvdec_alone, film))
    return rows


def _rate(module: str, count: Callable[[Any], int]) -> dict[str, Any]:
    """Frames per second of the whole film, the first run left out; or why there are none."""
    try:
        library = importlib.import_module(module)
        rates = []
        for _ in range(_REPEATS):
            started_s = time.perf_counter()
            frames = count(library)
            rates.append(frames / (time.perf_counter() - started_s))
    except Exception as error:  # a rival that fails is a finding, not our failure
        return {"left out": f"{type(error).__name__}: {error}"[:300]}
    return {"frames_per_s": statistics.median(rates[1:])}


def _torchcodec(film: Path, library: Any) -> int:
    import torch

    frames = sum(1 for _ in library.VideoDecoder(str(film), device="cuda"))
    torch.cuda.synchronize()
    return frames


def _nvdec_alone(film: Path, library: Any) -> int:
    """Decoding and nothing else: the rate that no pipeline on this GPU can pass."""
    demuxer = library.CreateDemuxer(filename=str(film))
    decoder = library.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
    return sum(1 for packet in demuxer for _ in decoder.Decode(packet))


def clips_on_the_device() -> dict[str, Any]:
    """Decoder to tokens without leaving the device, against the path through PyAV and the host."""
    importlib.import_module("nvidia.dali")
    import videobert

    tokens, seconds = {}, {}
    for decoder in ("dali", "pyav"):
        with videobert.load("shapes", engine="torch", device="cuda", decoder=decoder) as model:  # type: ignore[arg-type]
            seen = model.tokens(CLIP)
            tokens[decoder] = (seen.ids.tolist(), seen.decoder_fallback)
            times = []
            for _ in range(_REPEATS):
                started_s = time.perf_counter()
                model.tokens(CLIP)
                times.append(time.perf_counter() - started_s)
            seconds[decoder] = statistics.median(times)
    same = [a == b for a, b in zip(tokens["dali"][0], tokens["pyav"][0], strict=True)]
    return {"clips": len(same), "equal_tokens": sum(same), "fallback": tokens["dali"][1], "tokens_s": seconds}


def one_context() -> dict[str, Any]:
    """Whether pycuda and cuda-bindings work in torch's own context: each reads memory that torch wrote."""
    import numpy as np
    import torch

    from videobert.base.errors import VideoBertError
    from videobert.cuda.choice import open_driver

    found: dict[str, Any] = {}
    for name in ("pycuda", "cuda-bindings", "torch"):
        written = torch.arange(4096, dtype=torch.int32, device="cuda")
        torch.cuda.synchronize()
        try:
            driver = open_driver(name)
        except VideoBertError as error:
            found[name] = f"left out: {error}"
            continue
        stream, back = driver.stream(), np.zeros(4096, np.int32)
        buffer = driver.allocate(back.nbytes)
        driver.upload(buffer, written.cpu().numpy(), stream)
        driver.download(back, buffer, stream)
        stream.synchronize()
        still = bool((written + 1).sum().item() == int((np.arange(4096) + 1).sum()))
        found[name] = {"copies": bool((back == np.arange(4096)).all()), "torch_works_after": still}
        driver.close()
    return found


def compiled_kernels() -> dict[str, Any]:
    """Kernels compiled ahead of time, launched without torch or Triton: every token against the CPU's.

    `VIDEOBERT_PREBUILT` may name a model folder whose kernels were compiled on another machine; else they are compiled
    here.
    """
    import torch

    major, minor = torch.cuda.get_device_capability()
    with tempfile.TemporaryDirectory() as place:
        built = os.environ.get("VIDEOBERT_PREBUILT", "")
        if not built:
            built = f"{place}/model"
            command = ["build", "shapes", "--target", f"cuda-sm{major}{minor}", "--out", built]
            _output([sys.executable, "-m", "videobert", *command])
        found: dict[str, Any] = {"compiled": "elsewhere" if os.environ.get("VIDEOBERT_PREBUILT") else "here"}
        for name in ("cuda-bindings", "pycuda"):
            try:
                lines = _output([sys.executable, "-m", "benchmarks.gpu.kernels_alone", built, name]).splitlines()
                found[name] = json.loads(lines[-1])
            except ChildProcessError as error:
                found[name] = str(error)
    return found


def _output(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise ChildProcessError(f"ended with {done.returncode}: " + " ".join(done.stderr.split())[-600:])
    return done.stdout


def answers() -> dict[str, Any]:
    """The bundled model on the GPU and on this machine's CPU, both through torch: tokens, answers, embeddings, time."""
    import numpy as np

    import videobert

    films = (CLIP, ROOT / "tests" / "media" / "bigbuckbunny.mp4")
    rows: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    for device, precision in (("cpu", "fp32"), ("cuda", "fp32"), ("cuda", "bf16")):
        started_s = time.perf_counter()
        with videobert.load("shapes", engine="torch", device=device, precision=precision, decoder="pyav") as model:  # type: ignore[arg-type]
            row: dict[str, Any] = {"load_s": time.perf_counter() - started_s, "fallback": model.origin.fallback}
            started_s = time.perf_counter()
            model.warmup()
            row["warmup_s"] = time.perf_counter() - started_s
            found = {
                "tokens": [model.tokens(film).ids for film in films],
                "scores": [_scores(model.run(film)) for film in films],
                "embeddings": model.embed(text="a red circle grows", video=CLIP).vector,
            }
            wanted = wanted or found
            pairs = list(zip(wanted["scores"], found["scores"], strict=True))
            away = found["embeddings"] - wanted["embeddings"]
            row |= {
                "ids": [ids.tolist() for ids in found["tokens"]],
                "tokens": sum(len(ids) for ids in found["tokens"]),
                "equal_tokens": sum(
                    int((a == b).sum()) for a, b in zip(wanted["tokens"], found["tokens"], strict=True)
                ),
                "same_answers": all(list(a) == list(b) for a, b in pairs),
                "score_error": max(abs(a[key] - b[key]) for a, b in pairs for key in a.keys() & b.keys()),
                "embedding_error": float(np.linalg.norm(away) / np.linalg.norm(wanted["embeddings"])),
            }
            seconds = []
            for _ in range(_REPEATS):
                started_s = time.perf_counter()
                model.run(CLIP)
                seconds.append(time.perf_counter() - started_s)
            row["run_s"] = statistics.median(seconds)
        rows[f"{device} {precision}"] = row
    return rows


def _scores(report: Any) -> dict[tuple[int, str, str], float]:
    """The best answer to each question about each segment, in order, with its score."""
    return {
        (number, question, candidates[0].text): candidates[0].score
        for number, segment in enumerate(report.segments)
        for question, candidates in segment.answers.items()
    }


def tensorrt_rtx_here() -> dict[str, Any]:
    """Whether TensorRT-RTX, which lists no compute capability 9.0, builds for this GPU."""
    trt = importlib.import_module("tensorrt_rtx")
    said: list[str] = []

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR, trt.ILogger.WARNING):
                said.append(message)

    builder = trt.Builder(Log())
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    given = network.add_input("given", trt.float16, (16, 16))
    network.mark_output(network.add_activation(given, trt.ActivationType.RELU).get_output(0))
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.CURRENT, 0)
    plan = builder.build_serialized_network(network, config)
    result: dict[str, Any] = {"builds_for_this_gpu": plan is not None, "version": trt.__version__}
    if plan is not None:
        result["deserialises"] = trt.Runtime(Log()).deserialize_cuda_engine(plan) is not None
    return result | {"log": said[-5:]}


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
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", *in_parallel(), *folders]
    command += [word for each in left_out for word in ("--ignore", each)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    found = {"exit_code": done.returncode, "summary": lines[-1:], "left_out_without_openvino": left_out}
    return found | ({"tail": lines[-40:]} if done.returncode else {})


def in_parallel() -> list[str]:
    """Options for pytest: several processes where pytest-xdist is there, since most of the time is the compiler's."""
    if importlib.util.find_spec("xdist") is None:
        return []
    return ["-n", str(min(_MOST_WORKERS, len(os.sched_getaffinity(0))))]


PROBES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "nvdec": nvdec,
    "one context": one_context,
    "answers": answers,
    "tensorrt-rtx here": tensorrt_rtx_here,
    "compiled kernels": compiled_kernels,
    "clips on the device": clips_on_the_device,
    "decode rate": decode_rate,
    "gpu tests": gpu_tests,
}


def main(name: str) -> None:
    """Print what a probe found; a package that is missing is a finding too."""
    try:
        result = {"state": "found", "result": PROBES[name]()}
    except ModuleNotFoundError as error:
        result = {"state": "left out", "reason": str(error)}
    print(json.dumps(result, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
