"""What is installed on this machine, what can run, why the rest cannot, and the one command that fixes it.

Libraries with native parts are tried in a child process: one that crashes while it loads costs a line of the
diagnosis and nothing else.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from videobert.base.errors import VideoBertError
from videobert.base.version import __version__
from videobert.doctor.trial import Answer, tried
from videobert.video.decoders.available import Device, unusable


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


@dataclass(frozen=True, slots=True)
class _Trial:
    """Code that shows an ability: it prints an object with `version` and `devices`, or with `why` not and the `fix`.

    Args:
        module: what it imports, whose absence needs no trial.
        fix: where it fails although it is installed.
    """

    name: str
    kind: str
    module: str
    code: str
    fix: str


_OPENVINO = """
import json
from videobert.base.offline_imports import openvino_library
openvino = openvino_library()
print(json.dumps({"version": openvino.get_version(), "devices": openvino.Core().available_devices}))
"""
_TORCH = """
import json
from videobert.base.offline_imports import no_library_search
with no_library_search():
    import torch
print(json.dumps({"version": torch.__version__, "devices": ["CPU"] + ["CUDA"] * torch.cuda.is_available()}))
"""
_PYAV = """
import json, av
codecs = [name for name in ("h264", "hevc", "vp9", "av1", "mpeg4") if name in av.codecs_available]
print(json.dumps({"version": av.__version__, "devices": codecs}))
"""
_DALI = """
import json, nvidia.dali
from videobert.video.decoders.dali.probe import failures
found = failures("{device}")
print(json.dumps({{
    "version": nvidia.dali.__version__,
    "devices": [codec for codec in found if found[codec] is None],
    "failed": [why for why in found.values() if why is not None],
    "none": "no codec",
    "fix": "use --decoder pyav for those",
}}))
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
_TENSORRT_ENGINE = "from videobert.engines.tensorrt.availability import availability_json; print(availability_json())"


_SHOWN = (
    *("openvino", "tensorrt engine", "torch"),
    *("pyav", "dali", "dali on NVDEC"),
    *("tensorrt-rtx", "tensorrt", "cuda-smNN", "triton-server"),
)


def examine() -> Diagnosis:
    """Look at this machine. Takes some two seconds: libraries are tried for real, in processes of their own."""
    # Those that take longest begin first.
    probes = (_torch_and_kernels, _dali_and_server, _dali_gpu, _openvino, _tensorrt_engine, _tensorrt_rtx, _tensorrt)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(probe) for probe in (*probes, _pyav)]
        native, features = _native()
        last = [native, _cache(), *_models()]
        found = [ability for probe in running for ability in probe.result()]
    abilities = sorted(found, key=lambda ability: _SHOWN.index(ability.name)) + last
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


def _openvino() -> list[Ability]:
    return _tried(_Trial("openvino", "engine", "openvino", _OPENVINO, "pip install --force-reinstall openvino"))


def _pyav() -> list[Ability]:
    return _tried(_Trial("pyav", "decoder", "av", _PYAV, "pip install --force-reinstall av"))


def _torch_and_kernels() -> list[Ability]:
    return _tried(
        _Trial("torch", "engine", "torch", _TORCH, "pip install 'videobert[build]'"),
        _Trial("cuda-smNN", "target", "triton", _KERNELS, "pip install 'videobert[build,kernels]'"),
    )


def _dali_and_server() -> list[Ability]:
    return _tried(
        _dali("dali", "cpu"),
        _Trial("triton-server", "target", "tritonclient", _TRITON_SERVER, "pip install 'videobert[triton-server]'"),
    )


def _dali_gpu() -> list[Ability]:
    return _tried(_dali("dali on NVDEC", "cuda"))


def _dali(name: str, device: Device) -> _Trial | Ability:
    """Decodes a made clip of each codec, in a child: a decoder that counts frames in its own way would show."""
    if not installed("av"):
        return Ability(name=name, kind="decoder", works=False, detail="it needs PyAV", fix="pip install av")
    why = unusable(device)
    if why is not None:
        return Ability(name=name, kind="decoder", works=False, detail=why[0], fix=why[1])
    fix = "pip install --force-reinstall 'videobert[dali]'"
    return _Trial(name, "decoder", "nvidia", _DALI.format(device=device), fix)


def _tensorrt_engine() -> list[Ability]:
    fix = "pip install --force-reinstall 'videobert[tensorrt-rtx]'"
    return _tried(_Trial("tensorrt engine", "engine", "videobert", _TENSORRT_ENGINE, fix))


def _tensorrt_rtx() -> list[Ability]:
    from videobert.engines.tensorrt.build.targets import CAPABILITIES

    builds = f"builds engines without a GPU for {', '.join(CAPABILITIES)}"
    answer = f"{{'version': tensorrt_rtx.__version__, 'devices': ['{builds}']}}"
    code = f"import json, tensorrt_rtx; print(json.dumps({answer}))"
    return _tried(_Trial("tensorrt-rtx", "target", "tensorrt_rtx", code, "pip install 'videobert[tensorrt-rtx]'"))


def _tensorrt() -> list[Ability]:
    from videobert.cuda.gpu_presence import present_gpu

    gpu = present_gpu()
    code = f"import json, tensorrt; print(json.dumps({{'version': tensorrt.__version__, 'devices': {[gpu]!r}}}))"
    (found,) = _tried(_Trial("tensorrt", "target", "tensorrt", code, "pip install 'videobert[tensorrt]'"))
    if found.works and gpu is None:
        detail = "TensorRT builds on a machine with an NVIDIA GPU and driver only"
        fix = "videobert build MODEL --target tensorrt-rtx"
        return [Ability(name="tensorrt", kind="target", works=False, detail=detail, fix=fix)]
    return [found]


def _tried(*trials: _Trial | Ability) -> list[Ability]:
    """The abilities that trials, run in one process, show; one that is known beforehand stays as it is."""
    known = [trial if isinstance(trial, Ability) else _missing(trial) for trial in trials]
    open_ = [trial for trial, found in zip(trials, known, strict=True) if found is None and isinstance(trial, _Trial)]
    judged = iter([_judged(trial, answer) for trial, answer in zip(open_, _answers(open_), strict=True)])
    return [next(judged) if found is None else found for found in known]


def _answers(trials: list[_Trial]) -> list[Answer]:
    return tried(*(trial.code for trial in trials)) if trials else []


def _missing(trial: _Trial) -> Ability | None:
    if installed(trial.module):
        return None
    found = f"the Python package {trial.module!r} is not installed"
    fix = trial.fix.replace(" --force-reinstall", "")
    return Ability(name=trial.name, kind=trial.kind, works=False, detail=found, fix=fix)


def _judged(trial: _Trial, answer: Answer) -> Ability:
    name, kind = trial.name, trial.kind
    if isinstance(answer, str):
        return Ability(name=name, kind=kind, works=False, detail=answer, fix=trial.fix)
    if "why" in answer:
        return Ability(name=name, kind=kind, works=False, detail=answer["why"], fix=answer["fix"])
    detail = f"{answer['version']}: {', '.join(answer['devices']) or answer['none']}"
    if answer.get("failed"):
        return Ability(
            name=name,
            kind=kind,
            works=bool(answer["devices"]),
            detail=f"{detail}; not {'; not '.join(answer['failed'])}",
            fix=answer["fix"],
        )
    return Ability(name=name, kind=kind, works=True, detail=detail)


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
    from videobert.base.user_cache import cache_folder, check_owned

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
    from videobert.model.folder import BUNDLED, ModelFolder, bundled_names

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
