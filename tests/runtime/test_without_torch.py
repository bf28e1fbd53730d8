"""The run side lives without the modeling side: in a child process that cannot import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_CHILD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "onnx", "onnxscript", "onnxruntime", "videobert_modeling"}:
            raise ImportError(f"No module named {name!r}")

sys.meta_path.insert(0, Refuse())
import numpy as np
import videobert

folder, cache = sys.argv[1:]
frames = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
video = videobert.FrameArray(frames, np.arange(40) / 10)
with videobert.load(folder, cache_dir=cache) as model:
    tokens = model.tokens(video)
    model.fill("a [MASK] square", tokens, [0])
    model.classify(tokens, question="colour")
    model.align(tokens, "red")
    model.embed(tokens, "red")
    report = model.run(video)
try:
    videobert.load(folder, engine="torch")
except videobert.EngineUnavailable as error:
    print(error)
print(len(tokens), len(report.segments), report.origin.engine)
loaded = {"torch", "transformers", "onnx", "onnxruntime", "sklearn", "rich", "typer"} & set(sys.modules)
print("loaded:", sorted(loaded))
"""


def test_every_verb_runs_with_torch_made_unimportable(model_folder: Path, cache_dir: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(model_folder), str(cache_dir)], capture_output=True, text=True, timeout=250
    )
    assert child.returncode == 0, child.stderr
    assert "pip install 'videobert[build]'" in child.stdout
    assert "\n3 " in child.stdout
    assert "loaded: []" in child.stdout
