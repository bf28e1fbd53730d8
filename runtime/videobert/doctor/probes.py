"""Libraries that models can run with, each tried for real in a child process: one function for each that is loaded.

One that crashes while it loads costs a line of the diagnosis and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from videobert.doctor.packages import installed
from videobert.doctor.trial import Answer, tried
from videobert.results.diagnosis import Ability
from videobert.video.decoders.available import Device, unusable


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
from videobert.video.dali_trial import failures
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
_SEARCH = """
import json, faiss
print(json.dumps({"version": faiss.__version__, "devices": ["keeps and searches an index of videos"]}))
"""
_EDIT = """
import json, opentimelineio
print(json.dumps({"version": opentimelineio.__version__, "devices": ["reads and writes OpenTimelineIO edit lists"]}))
"""
_TENSORRT_ENGINE = """
from videobert.engines.tensorrt.availability import availability_json
print(availability_json())
"""


def probe_openvino() -> list[Ability]:
    """OpenVINO, which runs graphs on any CPU."""
    return _tried(_Trial("openvino", "engine", "openvino", _OPENVINO, "pip install --force-reinstall openvino"))


def probe_pyav() -> list[Ability]:
    """PyAV, which opens every video."""
    return _tried(_Trial("pyav", "decoder", "av", _PYAV, "pip install --force-reinstall av"))


def probe_torch_and_kernels() -> list[Ability]:
    """torch, and Triton's compiler, which loads it."""
    return _tried(
        _Trial("torch", "engine", "torch", _TORCH, "pip install 'videobert[build]'"),
        _Trial("cuda-smNN", "target", "triton", _KERNELS, "pip install 'videobert[build,kernels]'"),
    )


def probe_dali_and_server() -> list[Ability]:
    """DALI on the CPU, and what writes a model repository for Triton Inference Server, which loads it too."""
    return _tried(
        _dali("dali", "cpu"),
        _Trial("triton-server", "target", "tritonclient", _TRITON_SERVER, "pip install 'videobert[triton-server]'"),
    )


def probe_dali_gpu() -> list[Ability]:
    """DALI on a GPU's decoder."""
    return _tried(_dali("dali on NVDEC", "cuda"))


def probe_search_and_edit() -> list[Ability]:
    """What `search` needs, and what `edit` needs for edit lists of OpenTimelineIO."""
    return _tried(
        _Trial("search", "extra", "faiss", _SEARCH, "pip install --force-reinstall 'videobert[search]'"),
        _Trial("edit", "extra", "opentimelineio", _EDIT, "pip install --force-reinstall 'videobert[edit]'"),
    )


def _dali(name: str, device: Device) -> _Trial | Ability:
    """Decodes a made clip of each codec, in a child: a decoder that counts frames in its own way would show."""
    if not installed("av"):
        return Ability(name=name, kind="decoder", works=False, detail="it needs PyAV", fix="pip install av")
    why = unusable(device)
    if why is not None:
        return Ability(name=name, kind="decoder", works=False, detail=why[0], fix=why[1])
    fix = "pip install --force-reinstall 'videobert[dali]'"
    return _Trial(name, "decoder", "nvidia", _DALI.format(device=device), fix)


def probe_tensorrt_engine() -> list[Ability]:
    """Whether TensorRT engines run here: a library, a GPU and its driver."""
    fix = "pip install --force-reinstall 'videobert[tensorrt-rtx]'"
    return _tried(_Trial("tensorrt engine", "engine", "videobert", _TENSORRT_ENGINE, fix))


def probe_tensorrt_rtx() -> list[Ability]:
    """TensorRT-RTX as a builder."""
    from videobert.engines.tensorrt.build.targets import CAPABILITIES

    builds = f"builds engines without a GPU for {', '.join(CAPABILITIES)}"
    answer = f"{{'version': tensorrt_rtx.__version__, 'devices': ['{builds}']}}"
    code = f"import json, tensorrt_rtx; print(json.dumps({answer}))"
    return _tried(_Trial("tensorrt-rtx", "target", "tensorrt_rtx", code, "pip install 'videobert[tensorrt-rtx]'"))


def probe_tensorrt() -> list[Ability]:
    """TensorRT as a builder, which needs the GPU that it builds for."""
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
