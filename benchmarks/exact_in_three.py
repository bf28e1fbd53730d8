"""Whether `exact` would gain by 8-bit values first: `python benchmarks/exact_in_three.py OUT.json`.

The bundled model on films of its world. Features on 8-bit values, in bf16 and in fp32 tell how near a tie a clip may
lie to be sure of its token in each, so how many clips would be computed again in bf16 and in fp32; the backbone's time
in each, in turns, tells what that would cost. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.exact_tokens import files, whole_clips
from videobert import load
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.precision import Precision
from videobert.model.stage_lists import BACKBONE
from videobert.pipeline.exact_calibration import MOST_CLIPS, measured_margin

ORDER: tuple[Precision, ...] = ("int8", "bf16", "fp32")
TIMED = 61


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    features: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in ORDER}
    seconds: dict[str, list[float]] = {name: [] for name in ORDER}
    folder = ModelFolder("shapes")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        opened = {name: stack.enter_context(load("shapes", precision=name))._opened for name in ORDER}
        for film in files("calibrate", [], scratch):
            clips = list(whole_clips(film, folder.recipe, mirrored=True))
            for name in ORDER:
                features[name] += [opened[name].feature(clip).result().feature for clip in clips]
            if len(features["fp32"]) >= MOST_CLIPS:
                break
        noise = NoiseProbe()
        for _ in range(TIMED):
            noise.look()
            for name in ORDER:
                began = time.perf_counter()
                opened[name].engine.run(BACKBONE, clips=clips[0][None])
                seconds[name].append(time.perf_counter() - began)
        codebook = opened["fp32"].codebook
    rows = {name: np.stack(each) for name, each in features.items()}
    again = {
        name: measured_margin(rows[name], rows["fp32"], codebook, folder.digest(portable_graph(BACKBONE))).again
        for name in ("int8", "bf16")
    }
    clip_ms = {name: 1e3 * statistics.median(times) for name, times in seconds.items()}
    # What is near a tie in bf16 is near one on 8-bit values too.
    in_two = clip_ms["bf16"] + again["bf16"] * clip_ms["fp32"]
    in_three = clip_ms["int8"] + again["int8"] * clip_ms["bf16"] + again["bf16"] * clip_ms["fp32"]
    result: dict[str, Any] = {
        "environment": environment("openvino", "numpy"),
        "model": "shapes",
        "clips": len(rows["fp32"]),
        "quiet": noise.found().quiet,
        "clip_ms": {name: round(value, 3) for name, value in clip_ms.items()},
        "computed_again_share": {name: round(share, 4) for name, share in again.items()},
        "bf16_then_fp32_ms": round(in_two, 3),
        "int8_then_bf16_then_fp32_ms": round(in_three, 3),
        "ratio": round(in_two / in_three, 3),
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
