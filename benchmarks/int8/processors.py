"""8-bit values beside fp32 on processors without bf16, and with fewer instructions than this one has.

oneDNN, which OpenVINO's kernels for processors come from, uses no instructions beyond those that the environment names
when the process starts: so each set has a process of its own. This tells how fast the code for such a processor is on
this one, and how exact it is, not how fast such a processor is. A set that this processor lacks is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.int8 import points as kept
from benchmarks.int8 import timing
from benchmarks.int8.stage_runs import features, opened
from videobert.engines.openvino_engine import cpu_features
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.stage_lists import BACKBONE

# What oneDNN calls the sets of instructions, and the feature of a processor that the last of each is.
SETS = {"AVX2": "avx2", "AVX2_VNNI": "avx_vnni", "AVX512_CORE": "avx512bw", "AVX512_CORE_VNNI": "avx512_vnni"}
SECONDS = 8.0


def turns(
    folder: ModelFolder, points: Mapping[str, Int8Ranges], clip: npt.NDArray[np.uint8]
) -> dict[str, dict[str, Any]]:
    """For each set of instructions turns with fp32 for the rest, how far features are off, and the kernels that ran."""
    with tempfile.TemporaryDirectory() as place:
        kept.write(points, Path(place) / "points.json")
        np.save(Path(place) / "clip.npy", clip)
        found = {}
        root = Path(__file__).parents[2]
        for each in usable_sets():
            words = [sys.executable, "-m", "benchmarks.int8.processors", str(folder.root.resolve()), place]
            env = os.environ | {"ONEDNN_MAX_CPU_ISA": each}
            said = subprocess.run(words, env=env, check=True, capture_output=True, text=True, cwd=root).stdout
            found[each] = json.loads(said.splitlines()[-1])
        return found


def usable_sets() -> list[str]:
    """Those of `SETS` that this processor has."""
    has = cpu_features()
    return [name for name, feature in SETS.items() if has[feature]]


def kernels(engine: Any) -> list[str]:
    """Names of the kernels of the backbone's convolutions."""
    said = [node.get_rt_info() for node in engine._stage(BACKBONE)._compiled.get_runtime_model().get_ops()]
    return sorted({each["primitiveType"].value for each in said if each["layerType"].value == "Convolution"})


def main() -> None:
    """One set of instructions: the environment says which."""
    folder, place = ModelFolder(sys.argv[1]), Path(sys.argv[2])
    clip, points = np.load(place / "clip.npy"), kept.read(place / "points.json")
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(opened(folder, "fp32", each)) for name, each in [("fp32", None), *points.items()]
        }
        found = timing.in_turns(
            {name: partial(features, each, [clip]) for name, each in engines.items()}, all_s=SECONDS
        )
        true = features(engines["fp32"], [clip])
        for name, engine in engines.items():
            error = np.linalg.norm(features(engine, [clip]) - true) / np.linalg.norm(true)
            found[name] |= {"error": float(error), "kernels": kernels(engine)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
