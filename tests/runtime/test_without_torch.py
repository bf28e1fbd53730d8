"""The run side lives without the modeling side: in a child process that cannot import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.runtime.editing.film_factory import write_film

from videobert.verbs import Verbs

# What is refused stands for all that a product without the modeling side lacks.
_CHILD = """
import os
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "onnx", "onnxscript", "onnxruntime", "videobert_modeling"}:
            raise ImportError(f"No module named {name!r}")

sys.meta_path.insert(0, Refuse())
import numpy as np
import videobert

folder, cache, film, out = sys.argv[1:]
frames = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
video = videobert.FrameArray(frames, np.arange(40) / 10)
with videobert.load(folder, cache_dir=cache) as model:
    tokens = model.tokens(video)
    model.features(video)
    model.fill("a [MASK] square", tokens, [0])
    model.classify(tokens, question="colour", evidence=True)
    model.align(tokens, "red")
    model.embed(tokens, "red")
    model.caption(tokens)
    model.answer(tokens, "a [MASK] square", choices=["red", "blue"])
    model.events(tokens, question="colour")
    model.locate(tokens, "red")
    model.forecast(tokens)
    model.summarize(tokens)
    model.sentiment(text="a positive square")
    list(model.stream(video))
    plan = model.edit(film, keep=[(0, 1)])
    videobert.write_film(film, plan, os.path.join(out, "cut.mp4"))
    index = os.path.join(out, "index")
    model.index(film, index)
    videobert.search_page(model.search("red", index))
    report = model.run(video)
    (each,) = model.each([tokens], model.align, text="red")
try:
    videobert.load(folder, engine="torch")
except videobert.EngineUnavailable as error:
    print(error)
print(len(tokens), len(report.segments), report.origin.engine)
loaded = {"torch", "transformers", "onnx", "onnxruntime", "sklearn", "rich", "typer"} & set(sys.modules)
print("loaded:", sorted(loaded))
"""


def test_every_verb_is_asked() -> None:
    verbs = {name for name in dir(Verbs) if not name.startswith("_")}
    assert {verb for verb in verbs if f"model.{verb}(" not in _CHILD} == set()


def test_every_verb_runs_with_torch_made_unimportable(model_folder: Path, cache_dir: Path, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4")
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(model_folder), str(cache_dir), str(film), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert child.returncode == 0, child.stderr
    assert "pip install 'videobert[build]'" in child.stdout
    assert "\n3 " in child.stdout
    assert "loaded: []" in child.stdout
