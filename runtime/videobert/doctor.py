"""What is installed on this machine, what can run, why the rest cannot, and the one command that fixes it.

Libraries with native parts are tried in a child process: one that crashes while it loads costs a line of the
diagnosis and nothing else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from videobert import __version__
from videobert.decoding import Device, unusable
from videobert.errors import VideoBertError

_PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A Python package: what brings it (the install itself, or an extra) and its version; None if not installed."""

    name: str
    extra: str | None
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Something that this machine can or cannot do.

    Args:
        name: e.g. `"openvino"`, `"pyav"`, `"videobert._native"`, `"cache"`, or the name of a bundled model.
        kind: `"engine"`, `"decoder"`, `"native"`, `"target"`, `"cache"` or `"model"`.
        works: whether it can be used.
        detail: versions, devices, paths; or the reason why it does not work.
        fix: one command or step; None if it works.
    """

    name: str
    kind: str
    works: bool
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The result of `examine`.

    Args:
        cpu_features: instruction sets that matter here, or None where the native part is missing.
        blockers: names of the abilities without which no model runs on a video and that do not work; of the engines,
            any one of which is enough, the one that every machine can run.
        ready: whether a model can be run on a video: there are no blockers.
    """

    videobert: str
    python: str
    platform: str
    cpu: str
    cores: int
    cpu_features: dict[str, bool] | None
    packages: tuple[Package, ...]
    abilities: tuple[Ability, ...]
    blockers: tuple[str, ...]
    ready: bool


# Import name, distributions that may bring it, extra.
_PACKAGES: tuple[tuple[str, tuple[str, ...], str | None], ...] = (
    ("numpy", ("numpy",), None),
    ("av", ("av",), None),
    ("openvino", ("openvino",), None),
    ("tokenizers", ("tokenizers",), None),
    ("safetensors", ("safetensors",), None),
    ("rich", ("rich",), None),
    ("typer", ("typer",), None),
    ("torch", ("torch",), "build"),
    ("onnx", ("onnx",), "build"),
    ("onnxscript", ("onnxscript",), "build"),
    ("onnxruntime", ("onnxruntime",), "build"),
    ("sklearn", ("scikit-learn",), "train"),
    ("cv2", ("opencv-python-headless", "opencv-python"), "train"),
    ("nvidia.dali", ("nvidia-dali-cuda130", "nvidia-dali-cuda120"), "dali"),
    ("triton", ("triton",), "kernels"),
    ("tritonclient", ("tritonclient",), "triton-server"),
    ("tensorrt_rtx", ("tensorrt-rtx-cu13", "tensorrt-rtx-cu12", "tensorrt-rtx"), "tensorrt-rtx"),
    ("tensorrt", ("tensorrt-cu13", "tensorrt-cu12", "tensorrt"), "tensorrt"),
)

_OPENVINO = """
import json, openvino
print(json.dumps({"version": openvino.get_version(), "devices": openvino.Core().available_devices}))
"""
_TORCH = """
import json, torch
print(json.dumps({"version": torch.__version__, "devices": ["CPU"] + ["CUDA"] * torch.cuda.is_available()}))
"""
_PYAV = """
import json, av
codecs = [name for name in ("h264", "hevc", "vp9", "av1", "mpeg4") if name in av.codecs_available]
print(json.dumps({"version": av.__version__, "codecs": codecs}))
"""
_DALI = """
import json, nvidia.dali
from videobert.video.dali.probe import failure
from videobert.video.dali.streams import CODECS, place_of
codecs = {{codec: failure(codec, "{device}") for codec in CODECS[place_of("{device}")]}}
print(json.dumps({{"version": nvidia.dali.__version__, "codecs": codecs}}))
"""
_KERNELS = """
import json, triton
from videobert_kernels.variant import CAPABILITIES
shown = ", ".join(f"cuda-sm{capability}" for capability in CAPABILITIES)
print(json.dumps({"version": triton.__version__, "devices": ["compiles kernels without a GPU for " + shown]}))
"""
_TRITON_SERVER = """
import json, nvidia.dali
from importlib.metadata import version
from tritonclient.grpc import model_config_pb2
print(json.dumps({"version": version("tritonclient"), "devices": ["writes and checks a model repository"]}))
"""
_TENSORRT_ENGINE = "from videobert.engines.tensorrt.usable import answer; print(answer())"


def examine() -> Diagnosis:
    """Look at this machine. Takes a second or two: libraries are tried for real, each in its own process."""
    with ThreadPoolExecutor() as pool:
        engines, decoders = (_openvino, _tensorrt_engine, _torch), (_pyav, _dali_cpu, _dali_gpu)
        tried = (*engines, *decoders, _tensorrt_rtx, _tensorrt, _kernels, _triton_server)
        probes = [pool.submit(probe) for probe in tried]
        native, features = _native()
        abilities = [probe.result() for probe in probes] + [native, _cache(), *_models()]
    # DALI is an addition: every video is opened with PyAV.
    needed = {native.name, "pyav"}
    if not any(ability.works for ability in abilities if ability.kind == "engine"):
        needed.add("openvino")
    blockers = tuple(ability.name for ability in abilities if ability.name in needed and not ability.works)
    return Diagnosis(
        videobert=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        cpu_features=features,
        packages=tuple(
            Package(name=module, extra=extra, version=_version(module, names)) for module, names, extra in _PACKAGES
        ),
        abilities=tuple(abilities),
        blockers=blockers,
        ready=not blockers,
    )


def installed(module: str) -> bool:
    """Whether a top-level module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _version(module: str, distributions: tuple[str, ...]) -> str | None:
    if not installed(module):
        return None
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def _openvino() -> Ability:
    return _tried("openvino", "engine", "openvino", _OPENVINO, "pip install --force-reinstall openvino")


def _torch() -> Ability:
    return _tried("torch", "engine", "torch", _TORCH, "pip install 'videobert[build]'")


def _pyav() -> Ability:
    return _tried("pyav", "decoder", "av", _PYAV, "pip install --force-reinstall av")


def _dali_cpu() -> Ability:
    return _dali("dali", "cpu")


def _dali_gpu() -> Ability:
    return _dali("dali on NVDEC", "cuda")


def _dali(name: str, device: Device) -> Ability:
    """Decodes a made clip of each codec, in a child: a decoder that counts frames in its own way would show."""
    if not installed("av"):
        return Ability(name=name, kind="decoder", works=False, detail="it needs PyAV", fix="pip install av")
    why = unusable(device)
    if why is not None:
        return Ability(name=name, kind="decoder", works=False, detail=why[0], fix=why[1])
    answer = _in_child(_DALI.format(device=device))
    if isinstance(answer, str):
        fix = "pip install --force-reinstall 'videobert[dali]'"
        return Ability(name=name, kind="decoder", works=False, detail=answer, fix=fix)
    codecs = answer.get("codecs", {})
    works = [codec for codec, failure in codecs.items() if failure is None]
    failed = [failure for failure in codecs.values() if failure is not None]
    detail = f"{answer['version']}: {', '.join(works) or 'no codec'}"
    if failed:
        return Ability(
            name=name,
            kind="decoder",
            works=bool(works),
            detail=f"{detail}; not {'; not '.join(failed)}",
            fix="use --decoder pyav for those",
        )
    return Ability(name=name, kind="decoder", works=True, detail=detail)


def _tensorrt_engine() -> Ability:
    name, answer = "tensorrt engine", _in_child(_TENSORRT_ENGINE)
    if isinstance(answer, str):
        fix = "pip install --force-reinstall 'videobert[tensorrt-rtx]'"
        return Ability(name=name, kind="engine", works=False, detail=answer, fix=fix)
    if "why" in answer:
        return Ability(name=name, kind="engine", works=False, detail=answer["why"], fix=answer["fix"])
    return Ability(name=name, kind="engine", works=True, detail=f"{answer['version']}: {', '.join(answer['devices'])}")


def _tensorrt_rtx() -> Ability:
    from videobert.engines.tensorrt.targets import CAPABILITIES

    builds = f"builds engines without a GPU for {', '.join(CAPABILITIES)}"
    answer = f"{{'version': tensorrt_rtx.__version__, 'devices': ['{builds}']}}"
    code = f"import json, tensorrt_rtx; print(json.dumps({answer}))"
    return _tried("tensorrt-rtx", "target", "tensorrt_rtx", code, "pip install 'videobert[tensorrt-rtx]'")


def _tensorrt() -> Ability:
    from videobert.engines.tensorrt.gpu import present_gpu

    gpu = present_gpu()
    code = f"import json, tensorrt; print(json.dumps({{'version': tensorrt.__version__, 'devices': {[gpu]!r}}}))"
    found = _tried("tensorrt", "target", "tensorrt", code, "pip install 'videobert[tensorrt]'")
    if found.works and gpu is None:
        return Ability(
            name="tensorrt",
            kind="target",
            works=False,
            detail="TensorRT builds on a machine with an NVIDIA GPU and driver only",
            fix="videobert build MODEL --target tensorrt-rtx",
        )
    return found


def _kernels() -> Ability:
    return _tried("cuda-smNN", "target", "triton", _KERNELS, "pip install 'videobert[build,kernels]'")


def _triton_server() -> Ability:
    return _tried("triton-server", "target", "tritonclient", _TRITON_SERVER, "pip install 'videobert[triton-server]'")


def _tried(name: str, kind: str, module: str, code: str, fix: str) -> Ability:
    if not installed(module):
        found = f"the Python package {module!r} is not installed"
        return Ability(name=name, kind=kind, works=False, detail=found, fix=fix.replace(" --force-reinstall", ""))
    answer = _in_child(code)
    if isinstance(answer, str):
        return Ability(name=name, kind=kind, works=False, detail=answer, fix=fix)
    listed = ", ".join(answer.get("devices", answer.get("codecs", [])))
    return Ability(name=name, kind=kind, works=True, detail=f"{answer['version']}: {listed}")


def _in_child(code: str) -> dict[str, Any] | str:
    """What the code printed as JSON in a process of its own, or why it did not."""
    try:
        # -P: no module may come from the folder that the user happens to stand in.
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return f"it did not load within {_PROBE_TIMEOUT_S:.0f} s"
    except OSError as error:
        return f"it could not be tried: {error}"
    if done.returncode < 0:
        return f"it crashed while loading (signal {-done.returncode})"
    try:
        if done.returncode == 0:
            return dict(json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError):
        pass
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"it ended with exit code {done.returncode}"


def _native() -> tuple[Ability, dict[str, bool] | None]:
    try:
        from videobert import _native as core

        features = core.cpu_features()
        kernels = core.nearest_kernel(core.cpu_paths()[-1])
    except ImportError as error:
        fix = "pip install --force-reinstall videobert"
        return Ability(name="videobert._native", kind="native", works=False, detail=str(error), fix=fix), None
    detail = ", ".join(name for name, present in features.items() if present) or "no special instruction sets"
    detail = f"{detail}; nearest centroids: {kernels}"
    return Ability(name="videobert._native", kind="native", works=True, detail=detail), features


def _cache() -> Ability:
    from videobert.user_cache import cache_folder, check_owned

    folder = cache_folder()
    if folder is None:
        return Ability(
            name="cache",
            kind="cache",
            works=False,
            detail="this user has no home folder: models are compiled anew each time",
            fix="export XDG_CACHE_HOME=FOLDER, with a folder that you may write to",
        )
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        return Ability(
            name="cache",
            kind="cache",
            works=False,
            detail=f"{folder} cannot be written to: models are compiled anew each time",
            fix="export XDG_CACHE_HOME=FOLDER, with a folder that you may write to",
        )
    if folder.is_dir():
        try:
            check_owned(folder.stat())
        except PermissionError as error:
            return Ability(
                name="cache",
                kind="cache",
                works=False,
                detail=f"{folder} is not used, so models are compiled anew each time: {error}",
                fix=f"make it yours alone: chmod 700 {folder}",
            )
    files = [file for file in folder.glob("*") if file.is_file()] if folder.is_dir() else []
    size_mib = sum(file.stat().st_size for file in files) / 2**20
    return Ability(
        name="cache", kind="cache", works=True, detail=f"{folder}: {len(files)} compiled graphs, {size_mib:.1f} MiB"
    )


def _models() -> list[Ability]:
    from videobert.model_folder import BUNDLED, ModelFolder, bundled_names

    found = []
    for name in bundled_names():
        try:
            ModelFolder(name).verify()
            found.append(Ability(name=name, kind="model", works=True, detail=str(BUNDLED / name)))
        except VideoBertError as error:
            found.append(
                Ability(
                    name=name,
                    kind="model",
                    works=False,
                    detail=error.what,
                    fix="pip install --force-reinstall videobert",
                )
            )
    if not found:
        fix = "give your own model folder with --model, or install videobert with its bundled model"
        found.append(
            Ability(name="bundled", kind="model", works=False, detail="this install has no bundled model", fix=fix)
        )
    return found


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
