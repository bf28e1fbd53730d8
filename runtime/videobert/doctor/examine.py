"""What is installed on this machine, what can run, why the rest cannot, and the one command that fixes it."""

from __future__ import annotations

import os
import platform
from concurrent.futures import ThreadPoolExecutor

from videobert.base.cpu_name import cpu_name
from videobert.base.version import __version__
from videobert.doctor.own_parts import probe_cache, probe_models, probe_native
from videobert.doctor.packages import packages
from videobert.doctor.probes import (
    probe_dali_and_server,
    probe_dali_gpu,
    probe_openvino,
    probe_pyav,
    probe_search_and_edit,
    probe_tensorrt,
    probe_tensorrt_engine,
    probe_tensorrt_rtx,
    probe_torch_and_kernels,
)
from videobert.results.diagnosis import Diagnosis

# The order in which abilities are shown.
_SHOWN = (
    *("openvino", "tensorrt engine", "torch"),
    *("pyav", "dali", "dali on NVDEC"),
    *("tensorrt-rtx", "tensorrt", "cuda-smNN", "triton-server"),
    *("search", "edit"),
)


def examine() -> Diagnosis:
    """Look at this machine. Takes some two seconds: libraries are tried for real, in processes of their own."""
    # Those that take longest begin first.
    probes = (
        probe_torch_and_kernels,
        probe_dali_and_server,
        probe_dali_gpu,
        probe_openvino,
        probe_tensorrt_engine,
        probe_tensorrt_rtx,
        probe_tensorrt,
    )
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(probe) for probe in (*probes, probe_pyav, probe_search_and_edit)]
        native, features = probe_native()
        last = [native, probe_cache(), *probe_models()]
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
        cpu=cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        cpu_features=features,
        packages=packages(),
        abilities=tuple(abilities),
        blockers=blockers,
        ready=not blockers,
    )
