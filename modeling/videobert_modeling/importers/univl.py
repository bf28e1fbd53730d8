"""A UniVL checkpoint as a model folder: two streams, what joins them, and as far as it has them heads and decoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import MismatchError, ModelError
from videobert.model.backbone_kinds import BackboneKind
from videobert.model.config import BackboneConfig, ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.base.half import fits_float16
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbone_recipes import HOWTO100M
from videobert_modeling.importers.shared.backbones import recipe_for
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.tokenizer import find_tokenizer, read_tokenizer
from videobert_modeling.importers.shared.univl_config import PARTS, univl_config
from videobert_modeling.importers.shared.univl_layout import UnivlLayout, UnivlSizes, plain_names
from videobert_modeling.importers.shared.visual_side import VisualSide, visual_side
from videobert_modeling.model_folder.imported import write_folder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D, S3DG
from videobert_modeling.models.configurations import checked
from videobert_modeling.models.families.univl import UniVl
from videobert_modeling.models.weights import Backbone

# As the authors' release calls it.
_PUBLISHED = "univl.pretrained.bin"
# The public recipes cut films to so many features, one a second.
_PUBLIC_CLIPS = 48
_GET_BACKBONE = (
    "backbone (S3D-G): random, so no video can be asked about. Get s3d_howto100m.pth of MIL-NCE, turn it into a file "
    "with `videobert import s3dg`, and import again with --backbone"
)


def import_univl(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    tokenizer: Path | None = None,
    backbone: Path | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe | None = None,
    heads: int | None = None,
    text_room: int | None = None,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out` around a UniVL.

    Args:
        source: a weights file, or a folder with `univl.pretrained.bin` or another weights file in it; configurations
            beside it give attention heads.
        tokenizer: `vocab.txt` or `tokenizer.json`, where none lies beside the checkpoint.
        backbone: what gave the features that the model was trained with, see `read_backbone`; by default a fresh
            S3D-G, which the account calls untrained.
        centroids: a codebook, for visual tokens beside features; by default the model has none.
        features: feature files to measure the codebook on.
        recipe: by default that of the backbone, without one UniVL's: a clip a second, 16 frames, crop 224.
        heads: attention heads of every part, if no configuration says and they are not 64 wide.
        text_room: places that a text has before the video's; 48 by default, as in the public recipes.
        seed: of the parts that the source does not have.
        dtype: how weights are stored; None for float16 where that holds every value exactly, else float32.
        strict: refuse tensors that nobody accounts for.

    Raises:
        UsageError: `out` is taken.
        MismatchError: the backbone's features are not as wide as the model's.
        ModelError: not a UniVL, damaged, with unexplained tensors, or without a tokenizer.
    """
    require_new(out)
    path = source / _PUBLISHED if (source / _PUBLISHED).is_file() else source
    words = tokenizer or find_tokenizer(path if path.is_dir() else path.parent)
    if words is None:
        raise ModelError(
            f"there is no tokenizer beside {source.name}",
            allowed="tokenizer.json or vocab.txt",
            fix="Pass tokenizer=PATH (--tokenizer): the vocab.txt of bert-base-uncased, for the published weights.",
        )
    ledger = Ledger("UniVL", path.name)
    content = read_tokenizer(words, ledger.notes)
    sizes, state = read_univl(path, ledger, heads=heads, text_room=text_room, strict=strict)
    if recipe is None:
        recipe = HOWTO100M if backbone is None else recipe_for(backbone)
    side = _visual_side(sizes, backbone, centroids, recipe, ledger, features, seed=seed, strict=strict)
    streams = sizes.streams
    beside = streams.video.positions
    if streams.fusion is not None:
        beside = min(beside, streams.fusion.positions - streams.text_room)
    config = checked(
        ModelConfig(
            name=name or out.name,
            words=sizes.words,
            visual_tokens=0 if side.codebook is None else len(side.codebook),
            backbone=side.config,
            encoder=sizes.encoder,
            heads=sizes.heads,
            window_clips=min(_PUBLIC_CLIPS, beside),
            questions=side.questions,
            family="univl",
            two_streams=streams,
            untrained=("backbone",) if backbone is None else (),
        )
    )
    with torch.device("meta"):
        model = UniVl(config)
    model.load_state_dict(state | side.heads, assign=True)
    if dtype is None:
        given = [*state.values(), *(() if backbone is None else side.backbone.state_dict().values())]
        dtype = torch.float16 if all(map(fits_float16, given)) else torch.float32
        ledger.notes.append(f"stored as {str(dtype).removeprefix('torch.')}, which holds every value exactly")
    write_folder(
        out,
        model=model.eval(),
        backbone=side.backbone,
        recipe=recipe,
        tokenizer=content,
        codebook=side.codebook,
        ledger=ledger,
        dtype=dtype,
    )
    return ledger


def read_univl(
    source: Path, ledger: Ledger, *, heads: int | None = None, text_room: int | None = None, strict: bool = True
) -> tuple[UnivlSizes, dict[str, Tensor]]:
    """What a checkpoint holds, and its tensors under our names, float32; the ledger accounts for every one of its own.

    Raises:
        ModelError: see `import_univl`.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(plain_names(checkpoint.tensors, ledger.notes), ledger, strict=strict)
    config = univl_config(checkpoint.path)
    stated = config.heads() if heads is None else dict.fromkeys(PARTS, heads)
    layout = UnivlLayout(intake, stated, text_room=text_room, decoder_positions=config.longest_sentence())
    sizes = layout.sizes()
    config.check(sizes)
    state = layout.take(sizes)
    intake.finish()
    return sizes, state


def _visual_side(
    sizes: UnivlSizes,
    backbone: Path | None,
    centroids: Path | None,
    recipe: Recipe,
    ledger: Ledger,
    features: Sequence[Path],
    *,
    seed: int,
    strict: bool,
) -> VisualSide:
    if backbone is None:
        if centroids is not None:
            raise ModelError("centroids belong to a backbone", fix="Pass backbone=PATH (--backbone) with them.")
        ledger.uninitialised.append(_GET_BACKBONE)
        return VisualSide(*_fresh(sizes.feature_dim, seed), None)
    side = visual_side(backbone, centroids, recipe, ledger, features=features, seed=seed, strict=strict)
    if side.config.feature_dim != sizes.feature_dim:
        raise MismatchError(
            "this backbone's features are not those that the model was trained with",
            seen=f"{side.config.feature_dim} values",
            allowed=f"{sizes.feature_dim} values",
            fix="Pass the backbone that gave them: S3D-G of MIL-NCE for the published weights.",
        )
    return side


def _fresh(feature_dim: int, seed: int) -> tuple[Backbone, BackboneConfig]:
    """A backbone of random weights with features of this length: S3D-G, or the narrow S3D where that has none such."""
    kind: BackboneKind = "s3dg" if feature_dim % 8 == 0 else "s3d"
    config = BackboneConfig(kind=kind, feature_dim=feature_dim)
    # Before it takes memory: a small matrix can have columns by the million.
    checked(ModelConfig(name=kind, words=1, visual_tokens=1, backbone=config))
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return (S3DG if kind == "s3dg" else S3D)(1.0, feature_dim).eval(), config
