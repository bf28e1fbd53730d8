"""From a file to its answer: the stock stack that one would write without us, and Hugging Face's pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.case import Case, Contender, Measure, Prepared, Setting, versions
from benchmarks.peers.films import FILMS, Film, Wanted, opencv, pyav, wanted_of
from benchmarks.peers.graphs import Dtype, torch_runner
from benchmarks.peers.models import folder_of, int8_folder_of, plain_precision, stages
from videobert.model.precision import Precision
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert.video.open import open_clips
from videobert.visual.codebook import Codebook

if TYPE_CHECKING:
    from torch import nn

Tokens = npt.NDArray[np.int64]
# Another filter shrinks the pictures, so a token at the border of two leaves may turn.
_LEAST_EQUAL = 0.85
_LEAST_COSINE = 0.999
# What the trained S3D and I3D keep on 8-bit values is 0.9999 and 0.999: errors of 1 % and 4 % of the length.
_LEAST_COSINE_INT8 = 0.998


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What a stack is made of.

    Args:
        wanted: the film, when samples are taken, and how large.
        frames: samples in a clip.
        backbone: the stage in fp32.
        leaves: float32 `(tokens, dim)`, with a column more than a feature where the codebook is lifted; None where
            features are the answer.
    """

    wanted: Wanted
    frames: int
    backbone: nn.Module
    leaves: npt.NDArray[np.float32] | None


def stack_peer(stack: Stack, decode: Any, dtype: Dtype, *, compiled: bool = False) -> Contender:
    """Decoded by one library, seen by torch, assigned by faiss."""
    read = decode(stack.wanted)
    clip = (1, stack.frames, stack.wanted.crop, stack.wanted.crop, 3)
    run, _ = torch_runner(
        stack.backbone, dtype, [np.zeros(clip, np.uint8)], threads=stack.wanted.threads, compiled=compiled
    )

    def features() -> npt.NDArray[np.float32]:
        return np.concatenate([run(part) for part in read.call().reshape(-1, *clip)])

    if stack.leaves is None:
        return Contender(version=f"{read.version}, {versions('torch')}", call=features)
    assign = _assigned(stack.leaves, stack.wanted.threads)
    version = f"{read.version}, {versions('torch', 'faiss-cpu')}"
    return Contender(version=version, call=lambda: assign(features()))


def _assigned(leaves: npt.NDArray[np.float32], threads: int) -> Callable[[npt.NDArray[np.float32]], Tokens]:
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(leaves.shape[1])
    index.add(leaves)

    def assign(features: npt.NDArray[np.float32]) -> Tokens:
        wide = np.pad(features, ((0, 0), (0, leaves.shape[1] - features.shape[1])))
        return np.asarray(index.search(wide, 1)[1], np.int64).reshape(-1)

    return assign


STACKS = {
    "PyAV, torch eager fp32, faiss": lambda stack: stack_peer(stack, pyav, "fp32"),
    "PyAV, torch eager bf16, faiss": lambda stack: stack_peer(stack, pyav, "bf16"),
    "OpenCV, torch eager bf16, faiss": lambda stack: stack_peer(stack, opencv, "bf16"),
    "PyAV, torch.compile bf16, faiss": lambda stack: stack_peer(stack, pyav, "bf16", compiled=True),
}


def _tokens(name: str, film: Film, *, int8: bool = False) -> Callable[[Setting], Prepared]:
    def prepare(setting: Setting) -> Prepared:
        import videobert

        folder = int8_folder_of(name, setting) if int8 else folder_of(name, setting)
        path = film.path(setting)
        wanted, _ = wanted_of(path, folder.recipe, setting.threads)
        codebook = Codebook.load(folder.path("codebook.safetensors"))
        cache, threads = setting.scratch / "compiled", setting.threads
        with videobert.load(folder.root, cache_dir=cache, threads=threads, precision="fp32") as reference:
            exact = reference.tokens(path).ids
        asked: Precision = "int8" if int8 else plain_precision()
        model = videobert.load(folder.root, cache_dir=cache, threads=threads, precision=asked)

        def equal(tokens: Tokens) -> float:
            return float(np.mean(tokens == exact)) if np.shape(tokens) == exact.shape else 0.0

        return Prepared(
            ours=Contender(
                version=f"{model.origin.engine} {model.origin.precision}", call=lambda: model.tokens(path).ids
            ),
            measure=Measure(name="share of tokens equal to ours in float32", limit=_LEAST_EQUAL, better="more"),
            judge=equal,
            inputs=Stack(
                wanted=wanted,
                frames=folder.recipe.frames,
                backbone=stages(folder)[BACKBONE],
                leaves=np.ascontiguousarray(codebook.leaves, np.float32),
            ),
            close=model.close,
        )

    return prepare


def _features(name: str, film: Film, *, int8: bool = False) -> Callable[[Setting], Prepared]:
    """Of a model whose weights nobody trained: its features lie at the border of leaves, and tokens say nothing."""

    def prepare(setting: Setting) -> Prepared:
        import videobert

        folder = int8_folder_of(name, setting) if int8 else folder_of(name, setting)
        path = film.path(setting)
        wanted, _ = wanted_of(path, folder.recipe, setting.threads)
        cache, threads = setting.scratch / "compiled", setting.threads
        with videobert.load(folder.root, cache_dir=cache, threads=threads, precision="fp32") as reference:
            exact = _units(reference.features(path).features)
        asked: Precision = "int8" if int8 else plain_precision()
        model = videobert.load(folder.root, cache_dir=cache, threads=threads, precision=asked)

        def cosine(features: Any) -> float:
            return float((_units(features) * exact).sum(1).min()) if np.shape(features) == exact.shape else 0.0

        return Prepared(
            ours=Contender(
                version=f"{model.origin.engine} {model.origin.precision}", call=lambda: model.features(path).features
            ),
            measure=Measure(
                name="least cosine of a feature to ours in float32",
                limit=_LEAST_COSINE_INT8 if int8 else _LEAST_COSINE,
                better="more",
            ),
            judge=cosine,
            inputs=Stack(wanted=wanted, frames=folder.recipe.frames, backbone=stages(folder)[BACKBONE], leaves=None),
            close=model.close,
        )

    return prepare


def _units(features: Any) -> npt.NDArray[np.float64]:
    wide = np.asarray(features, np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A VideoMAE of random weights, saved as transformers does, and a film."""

    model: Any
    processor: Any
    film: str


def _pipeline_peer(classifier: Classifier) -> Contender:
    """`pipeline("video-classification")` on the path."""
    from transformers import pipeline

    run = pipeline("video-classification", model=classifier.model, image_processor=classifier.processor, device="cpu")

    def call() -> npt.NDArray[np.float64]:
        found = run(classifier.film, top_k=classifier.model.config.num_labels, function_to_apply="none")
        return np.array([each["score"] for each in sorted(found, key=lambda each: each["label"])])

    return Contender(
        version=versions("transformers", "torch", "av"),
        call=call,
        note="VideoMAE-base of random weights, ours feeds the same network",
    )


def _pipeline(film: Film) -> Callable[[Setting], Prepared]:
    """Ours decodes and the same network answers: weights that nobody trained can be compared with nothing else."""

    def prepare(setting: Setting) -> Prepared:
        import torch
        from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEImageProcessorPil

        torch.set_num_threads(setting.threads)
        torch.manual_seed(0)
        small = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
        config = VideoMAEConfig(num_labels=400, **(small if setting.tiny else {}))
        model = VideoMAEForVideoClassification(config).eval()
        # The other one needs torchvision, whose wheel is for CUDA alone: "operator torchvision::nms does not exist".
        processor = VideoMAEImageProcessorPil()
        recipe = Recipe(
            fps=_rate(film.path(setting)),
            frames=config.num_frames,
            short_side=config.image_size,
            crop=config.image_size,
        )
        mean, std = (torch.tensor(value)[:, None, None] * 255 for value in (processor.image_mean, processor.image_std))
        place = np.argsort([config.id2label[number] for number in range(config.num_labels)])

        def call() -> npt.NDArray[np.float64]:
            with open_clips(film.path(setting), recipe, threads=setting.threads) as clips:
                frames = torch.from_numpy(np.ascontiguousarray(next(iter(clips)).frames))
            with torch.inference_mode():
                pixels = (frames.permute(0, 3, 1, 2).float() - mean) / std
                return model(pixel_values=pixels[None]).logits[0].double().numpy()[place]

        exact = call()

        def cosine(answer: npt.NDArray[np.float64]) -> float:
            if np.shape(answer) != exact.shape:
                return 0.0
            return float(answer @ exact / np.linalg.norm(answer) / np.linalg.norm(exact))

        return Prepared(
            ours=Contender(version=versions("av", "torch"), call=call, note="our decoding and pixels, torch eager"),
            measure=Measure(name="cosine of the logits to ours", limit=_LEAST_COSINE, better="more"),
            judge=cosine,
            inputs=Classifier(model=model, processor=processor, film=str(film.path(setting))),
        )

    return prepare


def _rate(path: Any) -> Any:
    import av

    with av.open(str(path)) as file:
        return file.streams.video[0].average_rate


def cases() -> list[Case]:
    """Tokens by two models, features by a third, and the pipeline."""
    rows = [("shapes", "480p"), ("everyday", "car")]
    found = [
        Case(
            name=f"tokens/{name}",
            what=f"the tokens of {FILMS[film].what}, `{name}`",
            prepare=_tokens(name, FILMS[film]),
            peers=STACKS,
        )
        for name, film in rows
    ]
    fewer = {name: STACKS[name] for name in ("PyAV, torch eager fp32, faiss", "PyAV, torch eager bf16, faiss")}
    return [
        *found,
        Case(
            name="tokens/everyday/int8",
            what=f"the same tokens as in `tokens/everyday`, ours on 8-bit values: {FILMS['car'].what}",
            prepare=_tokens("everyday", FILMS["car"], int8=True),
            peers=fewer,
        ),
        Case(
            name="features/paper",
            what=f"the features of {FILMS['720p'].what}, S3D on 30 x 224 x 224",
            prepare=_features("paper", FILMS["720p"]),
            peers={name.removesuffix(", faiss"): peer for name, peer in STACKS.items()},
        ),
        Case(
            name="features/paper/int8",
            what=f"the same features as in `features/paper`, ours on 8-bit values: {FILMS['720p'].what}",
            prepare=_features("paper", FILMS["720p"], int8=True),
            peers={name.removesuffix(", faiss"): peer for name, peer in fewer.items()},
        ),
        # A film that costs little to decode: nearly all of it is the backbone.
        Case(
            name="features/paper/272p",
            what=f"the features of {FILMS['272p'].what}, S3D on 30 x 224 x 224",
            prepare=_features("paper", FILMS["272p"]),
            peers={name.removesuffix(", faiss"): peer for name, peer in fewer.items()},
        ),
        Case(
            name="features/paper/272p/int8",
            what=f"the same features as in `features/paper/272p`, ours on 8-bit values: {FILMS['272p'].what}",
            prepare=_features("paper", FILMS["272p"], int8=True),
            peers={name.removesuffix(", faiss"): peer for name, peer in fewer.items()},
        ),
        Case(
            name="pipeline/videomae",
            what="the first 16 frames of 720p through VideoMAE-base",
            prepare=_pipeline(FILMS["720p"]),
            peers={'transformers pipeline("video-classification"), fp32': _pipeline_peer},
        ),
    ]
