"""The next-token model of the reproduction ammesatyajit/VideoBERT: `torch.nn.Transformer` over words and visual tokens.

Its code carries no licence; names and shapes of its checkpoint are facts, and all that is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig, ModelConfig
from videobert.model.next_token_stages import PAST_ENCODER
from videobert.model.recipe import Recipe
from videobert.text.word_patterns import ENGLISH
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.mdskul import RECIPE
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.next_token_layout import take_next_token
from videobert_modeling.importers.shared.stored_dtype import exact_dtype
from videobert_modeling.importers.shared.visual_side import VisualSide, visual_side
from videobert_modeling.importers.shared.word_list import read_word_list
from videobert_modeling.importers.shared.word_tokenizer import word_tokenizer
from videobert_modeling.model_folder.imported import write_folder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.configurations import checked
from videobert_modeling.models.families.next_token import NextToken

VISUAL_TOKENS = 12**4
HEAD_WIDTH = 64
# Our names of torchtext's special words. `[MASK]` there is none.
_SPECIAL = {"[UNK]": "<unk>", "[PAD]": "<pad>", "[CLS]": "<sos>"}
_SEPARATOR, _END = "<sep>", "<eos>"
_WRITE_WORDS = (
    'Where you trust tokenizer.pt, write its words out yourself, with the torchtext that made it: python -c "import '
    "json, torch; json.dump(torch.load('tokenizer.pt').vocab.itos, open('words.json', 'w'))\", and pass words.json."
)


def read_ammesatyajit(
    source: Path,
    words: Sequence[str],
    side: VisualSide,
    ledger: Ledger,
    *,
    name: str = "next-token",
    visual_tokens: int | None = None,
    heads: int | None = None,
    strict: bool = True,
) -> NextToken:
    """The model in a state dict, in evaluation mode; the ledger accounts for every tensor.

    Args:
        words: `vocab.itos` of its tokenizer: word i has row i, visual token j row `len(words)` + j.
        side: backbone and codebook; a codebook fixes the number of visual tokens.
        visual_tokens: if there is no codebook; 20,736 by default, as published.
        heads: attention heads, of which no tensor tells; 64 wide by default, as published.
        strict: refuse tensors that nobody accounts for.

    Raises:
        ModelError: another layout, damaged, or a table that does not fit words and visual tokens.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(checkpoint.tensors, ledger, strict=strict)
    taken = take_next_token(intake, past=PAST_ENCODER, head="head")
    intake.finish()
    count = visual_tokens or (VISUAL_TOKENS if side.codebook is None else len(side.codebook))
    if side.codebook is not None and count != len(side.codebook):
        raise ModelError("the codebook has another number of leaves", seen=len(side.codebook), allowed=count)
    if len(words) + count != taken.tokens:
        raise ModelError(
            "the table of tokens does not fit the words and the visual tokens",
            seen=f"{taken.tokens} rows",
            allowed=f"{len(words)} words and {count} visual tokens, {len(words) + count} in all",
            fix="Pass the words and the centroids that the model was trained with, or visual_tokens=… "
            "(--visual-tokens).",
        )
    config = checked(
        ModelConfig(
            name=name,
            words=len(words),
            visual_tokens=count,
            backbone=side.config,
            encoder=EncoderConfig(
                layers=taken.layers,
                width=taken.width,
                heads=_heads(heads, taken.width),
                feed_forward=taken.feed_forward,
                positions=taken.positions,
                segments=2,
                layer_norm_eps=1e-5,
            ),
            heads=(),
            questions=side.questions,
            family="next_token",
            untrained=side.untrained,
        )
    )
    with torch.device("meta"):
        model = NextToken(config)
    model.load_state_dict(taken.state | side.heads, assign=True)
    return model.eval()


def import_ammesatyajit(
    source: Path,
    out: Path,
    *,
    dictionary: Path | None = None,
    name: str | None = None,
    backbone: Path | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe = RECIPE,
    visual_tokens: int | None = None,
    heads: int | None = None,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out`: a model that forecasts, and does nothing else.

    Args:
        source: `pytorch_model.bin`, or its folder.
        dictionary: the words of its tokenizer in order, see `read_word_list`; `tokenizer.pt` itself needs code to load.
        backbone, centroids, features, seed: see `visual_side`.
        dtype: how weights are stored; None for float16 where that changes none of them, else float32.

    Raises:
        UsageError: `out` is taken.
        ModelError: see `read_ammesatyajit`; or the words are missing, or lack the special ones.
    """
    require_new(out)
    if dictionary is None or dictionary.suffix == ".pt":
        raise ModelError(
            "the model's words are needed, and its tokenizer.pt needs code to load",
            seen=None if dictionary is None else dictionary.name,
            allowed="a list of words in order, .json or a text file",
            fix=f"{_WRITE_WORDS} (dictionary=…, --dictionary)",
        )
    words = read_word_list(dictionary)
    ledger = Ledger("next-token VideoBERT", source.name)
    content = _tokenizer(words, dictionary.name, ledger)
    side = visual_side(backbone, centroids, recipe, ledger, features=features, seed=seed, strict=strict)
    model = read_ammesatyajit(
        source,
        words,
        side,
        ledger,
        name=name or out.name,
        visual_tokens=visual_tokens,
        heads=heads,
        strict=strict,
    )
    weights: tuple[Tensor, ...] = (*side.backbone.state_dict().values(), *model.state_dict().values())
    write_folder(
        out,
        model=model,
        backbone=side.backbone,
        recipe=recipe,
        tokenizer=content,
        codebook=side.codebook,
        ledger=ledger,
        dtype=dtype or exact_dtype(weights),
    )
    return ledger


def _tokenizer(words: Sequence[str], file: str, ledger: Ledger) -> bytes:
    rows = {word: row for row, word in enumerate(words)}
    lacking = [word for word in (*_SPECIAL.values(), _END) if word not in rows]
    if lacking:
        raise ModelError(
            f"{file} lacks special words",
            seen=", ".join(lacking),
            allowed="torchtext's <unk>, <pad>, <sos> and <eos> among the words",
            fix=_WRITE_WORDS,
        )
    special = {ours: rows[theirs] for ours, theirs in _SPECIAL.items()}
    # A word that torchtext does not know has the row of `<unk>`: in that reproduction the separator is such a word.
    special |= {"[SEP]": rows.get(_SEPARATOR, special["[UNK]"]), "[MASK]": special["[UNK]"]}
    if _SEPARATOR not in rows:
        ledger.notes.append(f"{_SEPARATOR} is not among the words: {_SPECIAL['[UNK]']} stands behind a text, as there")
    ledger.notes.append("spaCy cut its texts into words: a pattern does it here, which differs in rare words")
    plain = [None if word in (*_SPECIAL.values(), _SEPARATOR) else word for word in words]
    return word_tokenizer(plain, special, ENGLISH)


def _heads(given: int | None, width: int) -> int:
    heads = width // HEAD_WIDTH if given is None else given
    if heads < 1 or width % heads:
        raise ModelError(
            "the width does not divide into attention heads",
            seen=f"width {width}, {heads} heads",
            fix="Pass heads=… (--heads) as the model was trained.",
        )
    return heads
