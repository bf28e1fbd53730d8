"""CUDA through pycuda, cuda-bindings and torch: one context for all, and kernels that run without torch and Triton."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.gpu.processes import ROOT, environment_of


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
        copied = bool((back == np.arange(4096)).all())
        found[name] = {"parity": "good" if copied and still else f"copies {copied}, torch works after it {still}"}
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
            output([sys.executable, "-m", "videobert", *command])
        found: dict[str, Any] = {"compiled": "elsewhere" if os.environ.get("VIDEOBERT_PREBUILT") else "here"}
        for name in ("cuda-bindings", "pycuda"):
            try:
                lines = output([sys.executable, "-m", "benchmarks.gpu.kernels_alone", built, name]).splitlines()
                found[name] = json.loads(lines[-1])
            except ChildProcessError as error:
                found[name] = str(error)
    return found


def output(command: list[str]) -> str:
    """What a command of this tree prints.

    Raises:
        ChildProcessError: it failed.
    """
    done = subprocess.run(command, cwd=ROOT, env=environment_of(), capture_output=True, text=True)
    if done.returncode:
        raise ChildProcessError(f"ended with {done.returncode}: " + " ".join(done.stderr.split())[-600:])
    return done.stdout
