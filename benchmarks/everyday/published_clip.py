"""The cricket clip that I3D was published with: `python benchmarks/everyday/published_clip.py MODEL CLIP.gif OUT.json`.

CLIP.gif is `data/playing_cricket.gif` of google-deepmind/kinetics-i3d, 79 pictures of 224 x 224, which that network
was shown whole. So is this one, in float32, MODEL being a folder of `videobert get everyday`; beside it stands what the
recipes of `everyday` and `everyday-best` show of the clip. Written are the first labels of each, and at which place
those are that the network was published to name behind the first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from videobert.base.openvino_core import openvino_core
from videobert.bench.environment import environment
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips

FIRST = "playing cricket"
NEIGHBOURS = ("hurling (sport)", "catching or throwing baseball")
FRAMES = 79
_HALF = (0.5, 0.5, 0.5)
# Frames, samples a second and the short side that a picture is brought to before its middle is cut out.
WAYS = {"as published": (FRAMES, 25.0, 224), "everyday": (32, 12.5, 256), "everyday-best": (64, 25.0, 256)}


def clip(path: Path, frames: int, fps: float, short_side: int) -> Any:
    """The first clip of a recipe, uint8 `(1, frames, 224, 224, 3)`."""
    recipe = Recipe(fps=fps, frames=frames, short_side=short_side, crop=224, mean=_HALF, std=_HALF)  # type: ignore[arg-type]
    with open_clips(path, recipe) as clips:
        return next(iter(clips)).on_host()[None]


def main() -> None:
    """Read the arguments and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "clip", "out"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    head = load_file(given.model / "model.safetensors")
    weight, bias = (head[f"feature_heads.action.{name}"].astype(np.float64) for name in ("weight", "bias"))
    labels = json.loads((given.model / "config.json").read_text(encoding="utf-8"))["questions"]["action"]["labels"]
    core, ways = openvino_core(), {}
    for name, (frames, fps, short_side) in WAYS.items():
        network = core.read_model(given.model / "graphs" / "backbone.onnx")
        network.reshape([1, frames, 224, 224, 3])
        run = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        logits = run(clip(given.clip, frames, fps, short_side))[0][0] @ weight.T + bias
        order = [labels[place] for place in np.argsort(-logits)]
        ways[name] = {
            "frames": frames,
            "fps": fps,
            "short_side": short_side,
            "first_ten": order[:10],
            "place": {each: order.index(each) + 1 for each in (FIRST, *NEIGHBOURS)},
        }
    result = {
        "environment": environment("openvino", "av", "numpy"),
        "clip_sha256": hashlib.sha256(given.clip.read_bytes()).hexdigest(),
        "ways": ways,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
