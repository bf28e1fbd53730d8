"""What a word costs of a decoder of UniVL's size on a CPU: greedy and with five beams, early and late in a sentence.

Run as `python benchmarks/sentence_search.py OUT.json` on a machine that does nothing else; it takes some minutes. The
weights are random, and time does not depend on what they hold: 3 layers, 768 values, 30,522 words, 96 places that are
told of, sentences of 48 words. Greedy and beam take turns. Before anything is timed, the graph is held to the module in
float64, single words with a past among the trials; where it misses that, no speed is written.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videobert.bench.environment import environment
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.checked_stages import CheckedStages
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.families.family import Told
from videobert.families.stage_decoder import StageDecoder
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.folder import ModelFolder
from videobert.model.manifest import write_manifest
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import stage_specs
from videobert.model.univl_stages import DECODER, DECODER_MEMORY
from videobert.pipeline.generate.generate import generate
from videobert.pipeline.generate.options import Search
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, openvino_outputs
from videobert_modeling.models import S3D, save_weights
from videobert_modeling.models.families.univl import UniVl

WORDS, PLACES, LENGTH, TURNS = 30_522, 96, 48, 5
_ONE = EncoderConfig(layers=1)
CONFIG = ModelConfig(
    name="sentences",
    family="univl",
    words=WORDS,
    visual_tokens=0,
    backbone=BackboneConfig(width=0.125, feature_dim=32),
    encoder=_ONE,
    heads=("decoder",),
    two_streams=TwoStreamsConfig(video=_ONE, fusion=_ONE, decoder=EncoderConfig(layers=3)),
)


def write_folder(place: Path) -> ModelFolder:
    """A model folder with the graphs of the decoder alone."""
    torch.manual_seed(0)
    backbone, model = S3D(CONFIG.backbone.width, CONFIG.backbone.feature_dim), UniVl(CONFIG)
    # As a model folder stores them.
    for parameter in [*backbone.parameters(), *model.parameters()]:
        parameter.data = parameter.data.half().float()
    backbone.eval()
    model.eval()
    (place / "graphs").mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(CONFIG.to_json()))
    (place / "recipe.json").write_text(json.dumps(Recipe().to_json()))
    save_weights(model, backbone, place / "model.safetensors")
    for graph in graphs_of(backbone, model, Recipe()):
        if graph.name in (DECODER, DECODER_MEMORY):
            content = to_onnx(graph)
            Reference(graph).check("OpenVINO", openvino_outputs(content))
            (place / "graphs" / f"{graph.name}.onnx").write_bytes(content)
    write_manifest(place)
    return ModelFolder(place)


class Timed(StageDecoder):
    """Keeps how long each step of the decoder took, the engine alone."""

    steps: list[float]

    def step(self, *given: Any) -> Any:
        began = time.perf_counter()
        found = super().step(*given)
        self.steps.append(time.perf_counter() - began)
        return found


def measured(engine: Engine, folder: ModelFolder) -> dict[str, Any]:
    """Milliseconds a word, and how late words compare with early ones."""
    streams = folder.config.two_streams
    assert streams is not None
    assert streams.decoder is not None
    run = CheckedStages(engine, stage_specs(folder.config, folder.recipe))
    decoder = Timed(run, streams.decoder, words=folder.config.words, begin=101, end=102, barred=(0, 100, 103))
    states = np.random.default_rng(0).standard_normal((1, PLACES, 768)).astype(np.float32)
    told = Told(states, np.ones((1, PLACES), np.int64))
    searches = {
        "greedy": Search(beams=1, most=LENGTH, least=LENGTH - 1),
        "beam 5": Search(beams=5, most=LENGTH, least=LENGTH - 1),
    }
    walls: dict[str, list[float]] = {name: [] for name in searches}
    late: dict[str, list[float]] = {name: [] for name in searches}
    for turn in range(TURNS + 1):
        for name, search in searches.items():
            decoder.steps = []
            began = time.perf_counter()
            list(generate(decoder, told, search))
            wall = time.perf_counter() - began
            if turn:
                quarter = len(decoder.steps) // 4
                walls[name].append(1000 * wall / len(decoder.steps))
                early = statistics.median(decoder.steps[1 : 1 + quarter])
                late[name].append(statistics.median(decoder.steps[-quarter:]) / early)
    ratios = [beam / greedy for greedy, beam in zip(walls["greedy"], walls["beam 5"], strict=True)]
    return {
        "ms_a_word": {name: round(statistics.median(times), 2) for name, times in walls.items()},
        "late_over_early_step": {name: round(statistics.median(times), 3) for name, times in late.items()},
        "beam_5_over_greedy": round(statistics.median(ratios), 2),
        "beam_5_over_greedy_all": [round(ratio, 2) for ratio in ratios],
    }


def main(out: str) -> None:
    """Measure and write."""
    torch.set_num_threads(os.cpu_count() or 1)
    found: dict[str, Any] = {"environment": environment("openvino", "numpy"), "load_at_start": os.getloadavg()[0]}
    sizes = {"layers": 3, "width": 768, "words": WORDS, "places": PLACES, "length": LENGTH, "turns": TURNS}
    found["sizes"] = sizes
    with tempfile.TemporaryDirectory() as place:
        folder = write_folder(Path(place) / "folder")
        engine = OpenVinoEngine(folder, EngineOptions(precision="fp32", cache_dir=Path(place) / "cache"))
        found["openvino"] = measured(engine, folder)
        engine.close()
    found["load_at_end"] = os.getloadavg()[0]
    Path(out).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
