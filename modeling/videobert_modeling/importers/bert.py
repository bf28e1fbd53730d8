"""A Hugging Face BERT as the text half of a VideoBERT whose visual half is still to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.bert_layout import BertLayout, config_beside
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.tokenizer import find_tokenizer, read_tokenizer
from videobert_modeling.importers.shared.visual_side import VisualSide, visual_rows, visual_side
from videobert_modeling.model_folder.imported import write_folder
from videobert_modeling.model_folder.ledger import Intake, Ledger
from videobert_modeling.models import VideoBert
from videobert_modeling.models.heads import Heads

PAPER_LEAVES = 12**4
# torchvision's S3D was trained on crops of 224 out of 256.
KINETICS = Recipe(short_side=256, crop=224)


def read_bert(
    source: Path,
    side: VisualSide,
    ledger: Ledger,
    *,
    name: str = "bert",
    visual_tokens: int | None = None,
    heads: int | None = None,
    seed: int = 0,
    strict: bool = True,
) -> VideoBert:
    """A VideoBERT around the BERT in `source`, in evaluation mode; the ledger accounts for every tensor.

    Args:
        source: a weights file or its folder; a `config.json` beside it gives heads and eps.
        side: backbone and codebook; a codebook fixes the number of visual tokens.
        visual_tokens: if there is no codebook; the paper's 20,736 by default.
        heads: attention heads, if there is no `config.json` and they are not 64 wide.
        seed: of the parts that the source does not have.
        strict: refuse tensors that nobody accounts for.

    Raises:
        ModelError: not a BERT, damaged, or with unexplained tensors.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(checkpoint.tensors, ledger, strict=strict)
    layout = BertLayout(intake)
    sizes = layout.encoder_config(config_beside(checkpoint.path), heads)
    taken = layout.take(sizes)
    intake.finish()
    count = visual_tokens or (PAPER_LEAVES if side.codebook is None else len(side.codebook))
    if side.codebook is not None and count != len(side.codebook):
        raise ModelError("the codebook has another number of leaves", seen=len(side.codebook), allowed=count)
    config = ModelConfig.from_json(
        ModelConfig(
            name=name, words=len(taken.table), visual_tokens=count, backbone=side.config, encoder=sizes
        ).to_json()
    )
    rows = visual_rows(count, sizes.width, side.codebook, ledger, seed=seed)
    state = taken.state | {"encoder.tokens.weight": torch.cat([taken.table, rows])}
    if taken.bias is not None:
        state["heads.bias"] = torch.cat([taken.bias, torch.zeros(count + 1)])
    else:
        ledger.uninitialised.append("prediction head: random")
    ledger.uninitialised.append("alignment head: random")
    return assemble(config, state, seed=seed)


def assemble(config: ModelConfig, state: dict[str, Tensor], *, seed: int) -> VideoBert:
    """A model with `state`; parts of the heads that it lacks start as in training, from `seed`."""
    with torch.device("meta"):
        model = VideoBert(config)
    lacking = model.state_dict().keys() - state.keys()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        fresh = Heads(config).state_dict()
    state = state | {name: fresh[name.removeprefix("heads.")] for name in sorted(lacking)}
    model.load_state_dict(state, assign=True)
    return model.eval()


def import_bert(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    tokenizer: Path | None = None,
    backbone: Path | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe = KINETICS,
    visual_tokens: int | None = None,
    heads: int | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out` around a BERT; see `read_bert` and `visual_side` for the arguments.

    Args:
        tokenizer: `tokenizer.json` or `vocab.txt`; by default the one in the folder of `source`.
    """
    require_new(out)
    folder = source if source.is_dir() else source.parent
    words = tokenizer or find_tokenizer(folder)
    if words is None:
        raise ModelError(
            f"there is no tokenizer beside {source.name}",
            allowed="tokenizer.json or vocab.txt",
            fix="Pass tokenizer=PATH (--tokenizer).",
        )
    ledger = Ledger("BERT", source.name)
    content = read_tokenizer(words, ledger.notes)
    side = visual_side(backbone, centroids, recipe, ledger, features=features, seed=seed, strict=strict)
    model = read_bert(
        source,
        side,
        ledger,
        name=name or out.name,
        visual_tokens=visual_tokens,
        heads=heads,
        seed=seed,
        strict=strict,
    )
    write_folder(
        out,
        model=model,
        backbone=side.backbone,
        recipe=recipe,
        tokenizer=content,
        codebook=side.codebook,
        ledger=ledger,
        dtype=dtype,
    )
    return ledger
