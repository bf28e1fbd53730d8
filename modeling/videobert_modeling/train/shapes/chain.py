"""The training chain of the bundled model `shapes`: from a seed to an evaluated model folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from videobert.model.config import BackboneConfig, ModelConfig
from videobert.model.manifest import write_manifest
from videobert.visual.codebook import Codebook
from videobert_modeling.base.new_folder import require_new, write_whole
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.codebooks.cluster import train_codebook
from videobert_modeling.export import export_folder
from videobert_modeling.models import S3D, VideoBert, save_weights
from videobert_modeling.models.weights import hash_of
from videobert_modeling.train.cached_steps import CachedSteps, Progress, Report
from videobert_modeling.train.shapes.backbone import inflate, new_backbone, train_on_clips, train_on_stills
from videobert_modeling.train.shapes.card import model_card
from videobert_modeling.train.shapes.dataset import Shards, write_clips, write_stills
from videobert_modeling.train.shapes.demo import write_demo
from videobert_modeling.train.shapes.evaluate import evaluate, write_held_out, write_results
from videobert_modeling.train.shapes.examples import moments_of
from videobert_modeling.train.shapes.narrate import QUESTIONS
from videobert_modeling.train.shapes.pretrain import pretrain
from videobert_modeling.train.shapes.settings import SETTINGS, Scale, Settings
from videobert_modeling.train.shapes.tokens import complete, features_of, round_to_half, word_tokenizer
from videobert_modeling.train.shapes.world import training_films

EVALUATION_SEED = 20_190_401  # apart from every training seed
# Part of the cached stages' names: raised when the same settings come to mean something else.
_CODE, _JOINT_CODE, _EVALUATION_CODE = 2, 2, 2
_DEPTH = 3  # levels of the codebook
_OUT_OF_DOMAIN_PERCENTILE = 99.5  # a film is flagged if half of its clips are among the farthest half percent
_WINDOW_CLIPS = 1  # a window of more would mix scenes where a cut lies in it
_CODEBOOK, _RESULTS = "codebook.safetensors", "results.json"


def train(
    out: Path,
    work_dir: Path,
    *,
    scale: Scale = "full",
    seed: int = 0,
    real_film: Path | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Trains, exports and evaluates the model; an interrupted run goes on where it was.

    Args:
        out: the model folder to write.
        work_dir: cached stages, some 10 GB at full scale; may be deleted afterwards.
        scale: `"full"`, the bundled model, or `"smoke"`, the whole chain at toy size.
        seed: of everything in training; the evaluation has a seed of its own.
        real_film: a video that is not of this world, for the out-of-domain figure; left out if None.
        on_progress: called as `(step, done, total)`.

    Returns:
        The evaluation's results, as in the model card.

    Raises:
        InputError: `out` exists and is not an empty folder.
        UsageError: no seed.
    """
    require_new(out)
    check_seed(seed)
    chain = _Chain(SETTINGS[scale], seed, CachedSteps(work_dir, on_progress))
    return chain.run(out, real_film)


class _Chain:
    def __init__(self, settings: Settings, seed: int, stages: CachedSteps) -> None:
        self._settings, self._seed, self._stages = settings, seed, stages
        self._workers = os.cpu_count() or 1

    def run(self, out: Path, real_film: Path | None) -> dict[str, Any]:
        s, seed = self._settings, self._seed
        run = self._stages.run
        recipe = s.recipe.to_json()
        world = {"seed": seed, "recipe": recipe, "code": _CODE}
        stills = run("stills", {"n": s.stills, **world}, self._write_stills)
        clips = run("clips", {"n": s.films, **world}, self._write_clips)
        spatial = run(
            "spatial",
            {"schedule": dataclasses.asdict(s.on_stills), "width": s.backbone_width, "seed": seed},
            lambda folder, report: self._train_spatial(stills, folder, report),
            after=("stills",),
        )
        backbone = run(
            "backbone",
            {"schedule": dataclasses.asdict(s.on_clips), "seed": seed},
            lambda folder, report: self._train_backbone(spatial, clips, folder, report),
            after=("spatial", "clips"),
        )
        refined = run(
            "refined",
            {"schedule": dataclasses.asdict(s.on_clips_again), "seed": seed},
            lambda folder, report: self._refine_backbone(backbone, clips, folder, report),
            after=("backbone",),
        )
        tokens = run(
            "tokens",
            {"branching": s.branching, "depth": _DEPTH, "seed": seed},
            lambda folder, report: self._make_tokens(refined, clips, folder, report),
            after=("refined",),
        )
        joint = run(
            "joint",
            {
                "schedule": dataclasses.asdict(s.pretraining),
                "encoder": dataclasses.asdict(s.encoder),
                "seed": seed,
                "code": _JOINT_CODE,
            },
            lambda folder, report: self._pretrain(refined, tokens, clips, folder, report),
            after=("tokens",),
        )
        films = run("films", {"n": s.held_out_films, "seed": EVALUATION_SEED, "code": _CODE}, self._write_held_out)
        model = run(
            "model",
            {
                "questions": {name: dataclasses.asdict(question) for name, question in QUESTIONS.items()},
                "out_of_domain_percentile": _OUT_OF_DOMAIN_PERCENTILE,
                "window_clips": _WINDOW_CLIPS,
            },
            lambda folder, report: self._assemble(refined, tokens, joint, folder, report),
            after=("joint",),
        )
        evaluation = run(
            "evaluation",
            {"real_film": real_film and _sha256(real_film), "code": _EVALUATION_CODE},
            lambda folder, report: self._evaluate(model, films, real_film, folder, report),
            after=("model", "films"),
        )
        results: dict[str, Any] = json.loads((evaluation / _RESULTS).read_text())
        results["training"] = {"seed": seed, "seconds": self._stages.seconds}
        _publish(model, results, out)
        return results

    def _write_stills(self, folder: Path, report: Report) -> None:
        write_stills(folder, self._settings.recipe, self._settings.stills, self._seed, self._workers, report)

    def _write_clips(self, folder: Path, report: Report) -> None:
        write_clips(folder, self._settings.recipe, self._settings.films, self._seed, self._workers, report)

    def _write_held_out(self, folder: Path, report: Report) -> None:
        write_held_out(folder, self._settings.held_out_films, EVALUATION_SEED, self._workers, report)

    def _train_spatial(self, stills: Path, folder: Path, report: Report) -> None:
        s = self._settings
        backbone = new_backbone(s.backbone_width, self._seed)
        train_on_stills(backbone, Shards.open(stills), s.recipe, s.on_stills, self._seed, folder, report)
        torch.save(backbone.state_dict(), folder / "backbone.pt")

    def _train_backbone(self, spatial: Path, clips: Path, folder: Path, report: Report) -> None:
        s = self._settings
        backbone = self._load_backbone(spatial)
        inflate(backbone, self._seed)
        train_on_clips(backbone, Shards.open(clips), s.recipe, s.on_clips, self._seed, folder, report)
        torch.save(backbone.state_dict(), folder / "backbone.pt")

    def _refine_backbone(self, before: Path, clips: Path, folder: Path, report: Report) -> None:
        s = self._settings
        backbone = self._load_backbone(before)
        data, seed = Shards.open(clips), self._seed + 1
        train_on_clips(backbone, data, s.recipe, s.on_clips_again, seed, folder, report, motion_weight=2.0)
        round_to_half(backbone)
        torch.save(backbone.state_dict(), folder / "backbone.pt")

    def _make_tokens(self, backbone: Path, clips: Path, folder: Path, report: Report) -> None:
        s = self._settings
        network, data = self._load_backbone(backbone), Shards.open(clips)
        features = features_of(network, data, s.recipe, lambda share, note="": report(0.7 * share, note))
        clear = data.records["share"] > 0.85
        made, _ = complete(features[clear], data.records["labels"][clear], self._seed)
        codebook = train_codebook(
            _blocks(np.concatenate([features, made])),
            branching=s.branching,
            depth=_DEPTH,
            seed=self._seed,
            backbone_hash=hash_of(network),
            clip_hash=s.recipe.clip_hash,
            on_progress=lambda stage, done, total: report(0.7 + 0.3 * done / (total or 1), stage),
        )
        codebook.save(folder / _CODEBOOK)
        np.save(folder / "features.npy", features)
        np.save(folder / "ids.npy", codebook.assign(features)[0])

    def _pretrain(self, backbone: Path, tokens: Path, clips: Path, folder: Path, report: Report) -> None:
        s, codebook = self._settings, Codebook.load(tokens / _CODEBOOK)
        films = training_films(s.films, self._seed)
        records, ids = Shards.open(clips).records, np.load(tokens / "ids.npy")
        moments = moments_of(films, records, ids, s.recipe.clip_duration_s, self._seed)
        tokenizer = word_tokenizer()
        config = self._config(tokenizer.get_vocab_size(), self._load_backbone(backbone), codebook)
        model = pretrain(config, tokenizer, codebook.leaves, moments, s.pretraining, self._seed, report)
        torch.save(model.state_dict(), folder / "joint.pt")

    def _assemble(self, backbone: Path, tokens: Path, joint: Path, folder: Path, report: Report) -> None:
        network, codebook, tokenizer = (
            self._load_backbone(backbone),
            Codebook.load(tokens / _CODEBOOK),
            word_tokenizer(),
        )
        config = self._config(tokenizer.get_vocab_size(), network, codebook)
        model = VideoBert(config)
        model.load_state_dict(torch.load(joint / "joint.pt", weights_only=True))
        target = folder / "folder"
        target.mkdir(exist_ok=True)
        _write_json(target / "config.json", config.to_json())
        _write_json(target / "recipe.json", self._settings.recipe.to_json())
        tokenizer.save(str(target / "tokenizer.json"))
        shutil.copyfile(tokens / _CODEBOOK, target / _CODEBOOK)
        save_weights(model, network, target / "model.safetensors")
        (target / "README.md").write_text("# shapes\n\nNot evaluated yet.\n")
        export_folder(target, None, lambda step, done, total: report(done / total, step))

    def _evaluate(self, model: Path, films: Path, real_film: Path | None, folder: Path, report: Report) -> None:
        count = self._settings.held_out_films
        results = evaluate(model / "folder", films, count, EVALUATION_SEED, real_film, report)
        write_results(results, folder / _RESULTS)

    def _load_backbone(self, folder: Path) -> S3D:
        backbone = new_backbone(self._settings.backbone_width, self._seed)
        backbone.load_state_dict(torch.load(folder / "backbone.pt", weights_only=True))
        return backbone

    def _config(self, words: int, backbone: S3D, codebook: Codebook) -> ModelConfig:
        s = self._settings
        return ModelConfig(
            name="shapes",
            words=words,
            visual_tokens=len(codebook),
            backbone=BackboneConfig(width=s.backbone_width, feature_dim=backbone.feature_dim),
            encoder=s.encoder,
            window_clips=_WINDOW_CLIPS,
            out_of_domain_percentile=_OUT_OF_DOMAIN_PERCENTILE,
            questions=QUESTIONS,
        )


def _blocks(features: npt.NDArray[np.float32], rows: int = 4096) -> Iterator[npt.NDArray[np.float32]]:
    for first in range(0, len(features), rows):
        yield features[first : first + rows]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _publish(model: Path, results: dict[str, Any], out: Path) -> None:
    """The finished folder with its card as `out`."""

    def fill(new: Path) -> None:
        shutil.copytree(model / "folder", new, dirs_exist_ok=True)
        write_demo(new / "clip.mp4")
        (new / "README.md").write_text(model_card(results, new), encoding="utf-8")
        write_manifest(new)

    write_whole(out, fill)
