"""Cases of one stage: backbones on clips, encoders on joint sequences; each with the same weights as its peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.case import Case, Contender, Measure, Prepared, Setting, versions
from benchmarks.peers.graphs import PEERS, Arrays, Network, torch_peer
from benchmarks.peers.models import engine_of, folder_of, stages
from videobert.model.graph_files import portable_graph
from videobert.model.stage_lists import BACKBONE
from videobert.video.open import open_clips

if TYPE_CHECKING:
    from benchmarks.peers.films import Film
    from videobert.model.folder import ModelFolder

_ENCODER = "encoder"
# A text and a film of a minute and a half.
_LENGTH = 128
_ERROR = "relative error to float32"
# What a stage in bf16 is allowed: as much again as plain torch loses by the same arithmetic.
_OF_TORCH = 2.0


def prepare(
    folder: ModelFolder, stage: str, feeds: list[Arrays], setting: Setting, *, hint: str = "latency"
) -> Prepared:
    """Ours, the network for its peers, and the error of an answer against the module in fp32."""
    network = Network(
        module=stages(folder)[stage], graph=folder.read(portable_graph(stage)), feeds=feeds, threads=setting.threads
    )
    engine = engine_of(folder, setting, hint=hint)
    exact = torch_peer(network, "fp32").call().astype(np.float64)

    def error(answer: npt.NDArray[Any]) -> float:
        if np.shape(answer) != exact.shape:
            return float("inf")
        return float(np.linalg.norm(answer - exact) / np.linalg.norm(exact))

    limit = _OF_TORCH * error(torch_peer(network, "bf16").call())
    return Prepared(
        ours=Contender(version=f"{engine.name} {engine.precision}", call=lambda: run(engine, stage, feeds)),
        measure=Measure(name=_ERROR, limit=limit, better="less"),
        judge=error,
        inputs=network,
        close=engine.close,
    )


def run(engine: Any, stage: str, feeds: list[Arrays]) -> npt.NDArray[Any]:
    """Our engine on one call after the other."""
    return np.concatenate([engine.run(stage, **feed) for feed in feeds])


def backbone(name: str, film: Film, clips: int) -> Callable[[Setting], Prepared]:
    """The first clips of a film."""

    def prepared(setting: Setting) -> Prepared:
        folder = folder_of(name, setting)
        with open_clips(film.path(setting), folder.recipe) as stream:
            frames = [np.ascontiguousarray(np.asarray(clip.frames)[None]) for clip in stream]
        feeds = [{"clips": frames[place % len(frames)]} for place in range(clips)]
        return prepare(folder, BACKBONE, feeds, setting)

    return prepared


def encoder(name: str) -> Callable[[Setting], Prepared]:
    """One joint sequence of `_LENGTH` places, the second half of it visual tokens."""

    def prepared(setting: Setting) -> Prepared:
        folder = folder_of(name, setting)
        config = folder.config
        length = min(_LENGTH, config.encoder.positions)
        random = np.random.default_rng(0)
        words, tokens = length // 2, length - length // 2
        ids = np.concatenate(
            [random.integers(0, config.words, words), random.integers(config.words, config.joiner_id, tokens)]
        )[None]
        segments = (np.arange(length) >= words).astype(np.int64)[None]
        feed = {"ids": ids.astype(np.int64), "segments": segments, "lengths": np.array([length], np.int64)}
        return prepare(folder, _ENCODER, [feed], setting)

    return prepared


def transformers_peer(network: Network, dtype: Any, *, compiled: bool = False) -> Contender:
    """`BertModel` of transformers with our weights."""
    from benchmarks.peers.bert import HuggingFaceStates

    made = torch_peer(
        Network(module=HuggingFaceStates(network.module), graph=b"", feeds=network.feeds, threads=network.threads),
        dtype,
        compiled=compiled,
    )
    return Contender(version=versions("transformers", "torch"), call=made.call)


ENCODER_PEERS = {
    "transformers, fp32": lambda network: transformers_peer(network, "fp32"),
    "transformers, bf16": lambda network: transformers_peer(network, "bf16"),
    **{name: peer for name, peer in PEERS.items() if not name.startswith("torch") and "throughput" not in name},
    "transformers and torch.compile, bf16": lambda network: transformers_peer(network, "bf16", compiled=True),
    "transformers and torch.compile, fp32": lambda network: transformers_peer(network, "fp32", compiled=True),
}


def cases(films: dict[str, Film]) -> list[Case]:
    """Backbones one clip at a time and several, encoders one sequence at a time."""
    one = {name: peer for name, peer in PEERS.items() if "throughput" not in name}
    many = {name: PEERS[name] for name in ("OpenVINO, latency, bf16", "OpenVINO, throughput, bf16")}
    rows = [
        ("shapes", "S3D, small, 30 x 112 x 112"),
        ("everyday", "I3D, 32 x 224 x 224"),
        ("paper", "S3D, 30 x 224 x 224"),
    ]
    found = [
        Case(
            name=f"encoder/{name}",
            what=f"{what}, one joint sequence of {_LENGTH} places",
            prepare=encoder(name),
            peers=ENCODER_PEERS,
        )
        for name, what in (("shapes", "the bundled encoder"), ("paper", "BERT-base"))
    ]
    found += [
        Case(name=f"backbone/{name}", what=f"{what}, one clip", prepare=backbone(name, films[name], 1), peers=one)
        for name, what in rows
    ]
    found += [
        Case(
            name=f"backbone/{name}/eight",
            what=f"{what}, eight clips, one after the other",
            prepare=backbone(name, films[name], 8),
            peers=many,
        )
        for name, what in rows
    ]
    return found
