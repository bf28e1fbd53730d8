"""Sentences from a decoder on the torch engine: the product's beam search, whose steps attend through our kernels.

A decoder of UniVL's size (arXiv 2002.06353: 3 layers of 768, BERT's words) with random weights: time does not depend on
what they hold, and sentences never end by themselves. The rival is the same engine with its attention in plain torch.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.case import Case, Prepared, device, tiny

NEEDS_VIDEOBERT = True
_LENGTH, _PLACES = 32, 96
# Beams, windows at a time, precision.
_SEARCHES = ((5, 12, "fp32"), (5, 12, "bf16"), (1, 1, "bf16"), (5, 1, "fp32"))
_STEPS = 6


def cases() -> list[Case]:
    """A batch of windows by beam search, and one window."""
    return [
        Case(
            name=f"generation/univl-3x768/{precision}-beams{beams}-windows{windows}",
            bar=1.0,
            bar_text="as fast as the same search with plain attention",
            prepare=partial(_prepare, beams, windows, precision),
            cost_s=11.0,
            budget_s=45.0,
        )
        for beams, windows, precision in _SEARCHES
    ]


@functools.cache
def _folder() -> Any:
    """A model folder without graphs: the torch engine needs none."""
    import torch

    from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoStreamsConfig
    from videobert.model.folder import ModelFolder
    from videobert.model.manifest import write_manifest
    from videobert.model.recipe import Recipe
    from videobert_modeling.models import S3D, save_weights
    from videobert_modeling.models.families.univl import UniVl

    size = {"width": 32, "heads": 1, "feed_forward": 64} if tiny() else {}
    one, layers = EncoderConfig(layers=1, **size), EncoderConfig(layers=1 if tiny() else 3, **size)
    config = ModelConfig(
        name="sentences",
        family="univl",
        words=120 if tiny() else 30_522,
        visual_tokens=0,
        backbone=BackboneConfig(width=0.125, feature_dim=32),
        encoder=one,
        heads=("decoder",),
        two_streams=TwoStreamsConfig(video=one, fusion=one, decoder=layers),
    )
    torch.manual_seed(0)
    backbone, model = S3D(config.backbone.width, config.backbone.feature_dim).eval(), UniVl(config).eval()
    for parameter in [*backbone.parameters(), *model.parameters()]:
        parameter.data = parameter.data.half().float()  # as a folder stores them
    # Kept for the cases to come, and gone with the process.
    place = Path(_kept().name)
    (place / "config.json").write_text(json.dumps(config.to_json()))
    (place / "recipe.json").write_text(json.dumps(Recipe().to_json()))
    save_weights(model, backbone, place / "model.safetensors")
    write_manifest(place)
    return ModelFolder(place)


@functools.cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@functools.cache
def _decoder(where: str, precision: str, plain: bool) -> Any:
    """The decoder of an engine; with attention in plain torch where that is asked for."""
    from videobert.engines.base import EngineOptions
    from videobert.engines.checked_stages import CheckedStages
    from videobert.engines.torch_engine import TorchEngine
    from videobert.families.stage_decoder import StageDecoder
    from videobert.model.stage_lists import stage_specs
    from videobert.model.univl_stages import DECODER
    from videobert_modeling.models.encoders.decoder_attention import DecoderAttention

    folder = _folder()
    engine = TorchEngine(folder, where, EngineOptions(precision=precision, cache_dir=folder.root / "cache"))
    if plain:
        engine._stages[DECODER].decoder.attend = DecoderAttention()
    sizes = folder.config.two_streams.decoder
    run = CheckedStages(engine, stage_specs(folder.config, folder.recipe))
    words = folder.config.words
    return StageDecoder(run, sizes, words=words, begin=1, end=2, barred=(0,))


def _prepare(beams: int, windows: int, precision: str) -> Prepared:
    from videobert.families.family import Told
    from videobert.pipeline.generate.generate import best_sentences
    from videobert.pipeline.generate.options import Search

    length, places = (4, 6) if tiny() else (_LENGTH, _PLACES)
    windows = min(windows, 2) if tiny() else windows
    search = Search(beams=beams, most=length, least=length - 1)
    ours, plain = (_decoder(device(), precision, each) for each in (False, True))
    exact = _decoder("cpu", "fp32", True)
    random = np.random.default_rng(0)
    states = random.standard_normal((windows, places, ours.width)).astype(np.float32)
    mask = np.ones((windows, places), np.int64)
    mask[1::2, places // 2 :] = 0
    told = Told(states, mask)

    def sentences(decoder: Any) -> Callable[[], Any]:
        return lambda: best_sentences(decoder, told, search)

    def quality() -> dict[str, float]:
        found, wanted = sentences(ours)(), sentences(plain if precision == "fp32" else exact)()
        pairs = [(a[0], b[0]) for a, b in zip(found, wanted, strict=True)]
        return {
            "same best sentences": float(np.mean([a.ids == b.ids for a, b in pairs])),
            "score difference": max(abs(a.score - b.score) for a, b in pairs),
        }

    return Prepared(
        ours=sentences(ours),
        rivals={"plain attention": sentences(plain)},
        parity=lambda: _parity(ours, plain, exact, told),
        quality=quality,
        note=f"{windows} windows, {beams} beams, {length} words; random weights, so that sentences come close to ties",
        clock="host",
    )


def _parity(ours: Any, plain: Any, exact: Any, told: Any) -> str | None:
    """Logits of a few steps on given words: at most twice the error of plain attention, against fp32 on the CPU."""
    found = [_logits(decoder, told) for decoder in (ours, plain, exact)]
    errors = [float(np.abs(each - found[2]).max()) for each in found[:2]]
    allowed = 2 * errors[1] + 1e-5 * float(np.abs(found[2]).max())
    return None if errors[0] <= allowed else f"logits are {errors[0]:.3g} away, allowed {allowed:.3g}"


def _logits(decoder: Any, told: Any) -> np.ndarray:
    rows = len(told.states)
    remembered = decoder.remember(told)
    keys, values = np.zeros((2, rows, decoder.layers, 16, decoder.width), np.float32)
    words = np.random.default_rng(1).integers(3, decoder.words, (_STEPS, rows))
    logits = []
    for at, word in enumerate(words):
        found, key, value = decoder.step(word, keys, values, np.full(rows, at), remembered)
        keys[:, :, at], values[:, :, at] = key, value
        logits.append(found)
    return np.stack(logits)
