"""What each layout is recognised by: the names of a few of its tensors, and what their shapes must be.

A layout that is new here is one entry. Names are as `open_checkpoint` gives them, each a regular expression for all of
a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from videobert.get.layouts.i3d import LAYOUTS

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What tells one layout from the others.

    Args:
        kind: of the importer; None for a layout that is known by sight alone.
        title: what it is, in words.
        has: for each of these some tensor has such a name.
        lacks: no tensor has such a name.
        against: what the shapes say against it; None if nothing.
    """

    kind: str | None
    title: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    against: Callable[[Shapes], str | None] = lambda shapes: None


_BERT = r"(?:bert\.|roberta\.)?"
_TYPES = _BERT + r"embeddings\.token_type_embeddings\.weight"
_TEXT = (
    _BERT + r"embeddings\.word_embeddings\.weight",
    _TYPES,
    _BERT + r"encoder\.layer\.0\.attention\.self\.query\.weight",
)
_NO_TEXT_ALONE = (r"visual\..*", r"cross\..*", r".*\bc_layer\..*", r".*\bvisual_projection\..*")
_NEXT_SENTENCE = "cls.seq_relationship.weight"
# MDSKUL's tables: BERT's words, either number of visual tokens, and the joiner.
_MDSKUL_ROWS = (30_522 + 20_544 + 1, 30_522 + 20_736 + 1)
_STEM, _I3D_LAST = "Conv3d_1a_7x7.conv3d.weight", "Mixed_5c.b0.conv3d.weight"


def _any_of(*names: str) -> str:
    return "|".join(map(re.escape, names))


def _segments(shapes: Shapes) -> int:
    return _rows(_TYPES, shapes)


def _rows(pattern: str, shapes: Shapes) -> int:
    """Of a table that is there; 0 of a single number in its place."""
    return next(shape[0] if shape else 0 for name, shape in shapes.items() if re.fullmatch(pattern, name))


def _against_roberta(shapes: Shapes) -> str | None:
    segments = _segments(shapes)
    return None if segments == 1 else f"{segments} segments, where a RoBERTa has one"


def _has_alignment(shapes: Shapes) -> bool:
    """Whether a linear layer of two rows stands among the heads beside that for the next sentence."""
    heads = [name for name, shape in shapes.items() if name.startswith("cls.") and len(shape) == 2 and shape[0] == 2]
    return bool({*heads} - {_NEXT_SENTENCE}) or _rows(_TEXT[0], shapes) in _MDSKUL_ROWS


def _against_mdskul(shapes: Shapes) -> str | None:
    return None if _has_alignment(shapes) else "no alignment layer, and no table with visual tokens"


def _against_bert(shapes: Shapes) -> str | None:
    if _segments(shapes) == 1:
        return "one segment, where a BERT has two"
    return "an alignment layer, or a table with visual tokens" if _has_alignment(shapes) else None


SIGNATURES = (
    Signature(
        kind="bert",
        title="a BERT in Hugging Face's names",
        has=_TEXT,
        lacks=(*_NO_TEXT_ALONE, r"roberta\..*", r"lm_head\..*"),
        against=_against_bert,
    ),
    Signature(
        kind="roberta",
        title="a RoBERTa in Hugging Face's names",
        has=_TEXT,
        lacks=(*_NO_TEXT_ALONE, r"cls\..*"),
        against=_against_roberta,
    ),
    Signature(
        kind="mdskul",
        title="a VideoBERT in MDSKUL's names",
        has=(*_TEXT, r"cls\.predictions\.transform\.dense\.weight"),
        lacks=_NO_TEXT_ALONE,
        against=_against_mdskul,
    ),
    Signature(
        kind="univl",
        title="a UniVL",
        has=(_TEXT[0], r"visual\.embeddings\.word_embeddings\.weight", r"visual\.encoder\.layer\.0\..*"),
    ),
    Signature(
        kind="ammesatyajit",
        title="ammesatyajit's model of the next token",
        has=(
            r"tok_embed\.weight",
            r"pos_encoding\.weight",
            r"tok_type_embed\.weight",
            r"fc_out\.weight",
            r"transformer\.encoder\.layers\.0\.linear1\.weight",
        ),
    ),
    Signature(
        kind="milnce",
        title="MIL-NCE's S3D-G with its text tower",
        has=(r"mixed_5c\.gating_b0\.fc\.weight", r"fc\.weight", r"text_module\.word_embd\.weight"),
    ),
    Signature(
        kind="s3dg",
        title="an S3D-G in MIL-NCE's names",
        has=(r"mixed_5c\.gating_b0\.fc\.weight", r"conv1\..*weight"),
        lacks=(r"text_module\..*",),
    ),
    Signature(
        kind="s3d",
        title="an S3D in torchvision's names or Kyle Min's",
        has=(
            r"(?:backbone\.)?features\.0\.0\.0\.weight|base\.0\.conv_s\.weight",
            r"(?:backbone\.)?features\.15\.branch0\..*|base\.15\.branch0\..*",
        ),
    ),
    Signature(
        kind="i3d",
        title="an Inception I3D",
        has=tuple(_any_of(*(layout.names[each] for layout in LAYOUTS)) for each in (_STEM, _I3D_LAST)),
    ),
    Signature(
        kind="resnet",
        title="a ResNet-50, -101 or -152 in torchvision's names",
        has=(r"conv1\.weight", r"bn1\.running_mean", r"layer1\.0\.conv3\.weight", r"layer4\.0\.downsample\.0\.weight"),
    ),
    Signature(kind=None, title="a ViLBERT", has=(r".*\bc_layer\.0\.biattention\.query1\.weight",)),
    Signature(kind=None, title="a VisualBERT", has=(r".*\bembeddings\.(?:visual_)?projection\.weight",)),
    Signature(
        kind=None,
        title="a pytorchvideo ResNet, which is not an Inception I3D",
        has=(r"blocks\.0\.conv\.weight", r"blocks\.1\.res_blocks\.0\.branch2\.conv_a\.weight"),
    ),
)
