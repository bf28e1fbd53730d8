"""`videobert import`: a checkpoint of another project as a model folder or a part of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.cli.needs_modeling import modeling_side
from videobert.cli.notes import note
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.cli.stdout import print_json, print_text
from videobert.model.config import ModelConfig
from videobert.model.mending import CODEBOOK, typed

_PARTS = "Parts"
_DETAILS = "Details"


@command
def import_(
    kind: Annotated[
        Literal[
            "auto",
            "bert",
            "roberta",
            "mdskul",
            "univl",
            "milnce",
            "ammesatyajit",
            "s3d",
            "i3d",
            "s3dg",
            "resnet",
            "centroids",
        ],
        typer.Argument(
            help="auto tells it by the names of tensors. s3d, i3d, s3dg, resnet and centroids become files, the others "
            "model folders.",
            show_default=False,
        ),
    ],
    source: Annotated[Path, typer.Argument(help="The checkpoint, a file or a folder.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="PATH", help="A new folder or .safetensors file.", show_default=False)
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model.", rich_help_panel=_DETAILS, show_default=False)
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="tokenizer.json, vocab.txt, or vocab.json with its merges.txt; what lies beside the source if not "
            "given.",
            rich_help_panel=_PARTS,
            show_default=False,
        ),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(
            help="milnce, ammesatyajit: the model's words in order, as a text file with a word a line, .json or .npy.",
            rich_help_panel=_PARTS,
            show_default=False,
        ),
    ] = None,
    backbone: Annotated[
        Path | None,
        typer.Option(
            help="A backbone, from an import of kind s3d, i3d, s3dg or resnet.",
            rich_help_panel=_PARTS,
            show_default=False,
        ),
    ] = None,
    centroids: Annotated[
        Path | None, typer.Option(help="Centroid arrays.", rich_help_panel=_PARTS, show_default=False)
    ] = None,
    features: Annotated[
        list[Path] | None,
        typer.Option(
            help="A feature file to measure the codebook on; may be repeated.",
            rich_help_panel=_PARTS,
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe.json.", rich_help_panel=_PARTS, show_default=False)
    ] = None,
    visual_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="bert, roberta, ammesatyajit: size of the visual vocabulary.",
            rich_help_panel=_DETAILS,
            show_default=False,
        ),
    ] = None,
    words: Annotated[
        int | None,
        typer.Option(min=1, help="mdskul: size of the word vocabulary.", rich_help_panel=_DETAILS, show_default=False),
    ] = None,
    text_room: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="univl: places that a text has before the video's; 48 if not given.",
            rich_help_panel=_DETAILS,
            show_default=False,
        ),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option(min=1, help="Attention heads, where nothing tells.", rich_help_panel=_DETAILS, show_default=False),
    ] = None,
    branching: Annotated[
        int | None,
        typer.Option(min=2, help="centroids: branches of the tree.", rich_help_panel=_DETAILS, show_default=False),
    ] = None,
    classifier: Annotated[
        bool, typer.Option("--classifier", help="s3d: keep the classifier too.", rich_help_panel=_DETAILS)
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="i3d, resnet: a text file with one label a line, in the classifier's order.",
            rich_help_panel=_DETAILS,
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        Literal["float16", "float32"] | None,
        typer.Option(
            help="How weights in a folder are stored; if not given, as what holds every value exactly, and as float16 "
            "for bert and mdskul.",
            rich_help_panel=_DETAILS,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="For parts that the source lacks; 0 if not given.", rich_help_panel=_DETAILS, show_default=False
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Refuse a source with tensors that nothing explains.", rich_help_panel=_DETAILS)
    ] = True,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="List every tensor and what became of it.", rich_help_panel=_DETAILS)
    ] = False,
    *,
    options: CommonOptions,
) -> None:
    """Import a checkpoint of another project. --verbose, --json and a folder's import.json account for every tensor.

    Example, from a backbone and a BERT to answers about a video:

    videobert import s3d s3d.pth --out s3d.safetensors
    videobert import bert bert-base-uncased/ --backbone s3d.safetensors --out my-model
    videobert cluster clip.mp4 --model my-model
    videobert build my-model
    videobert run clip.mp4 --model my-model
    """
    with modeling_side("import", "build"):
        from videobert_modeling.importers import import_checkpoint

        with spinner(f"importing {source.name}", options):
            ledger = import_checkpoint(
                kind,
                source,
                out,
                name=name,
                tokenizer=tokenizer,
                dictionary=dictionary,
                backbone=backbone,
                centroids=centroids,
                features=features or None,
                recipe=recipe,
                visual_tokens=visual_tokens,
                words=words,
                heads=heads,
                text_room=text_room,
                branching=branching,
                classifier=classifier or None,
                labels=labels,
                dtype=dtype,
                seed=seed,
                strict=strict,
            )
    if options.json:
        print_json({"out": str(out), **ledger.to_json()})
    else:
        print_text(ledger.table() if verbose else ledger.summary())
        note(f"wrote {out}", options)
        if out.is_dir():
            note(f"next: {_next(out, ledger.uninitialised)}", options)


def _next(folder: Path, untrained: list[str]) -> str:
    build = f"videobert build {typed(folder)}"
    config = ModelConfig.read(folder / "config.json")
    if (folder / CODEBOOK).is_file() or not config.has_tokens:
        return build
    if config.tokens_are_given:
        # Its visual tokens mean what it was trained on: others would tell it nothing.
        return "import again with --centroids, those that this model was trained with"
    cluster = f"videobert cluster VIDEOS --model {typed(folder)}, then {build}"
    if any(part.startswith("visual rows") for part in untrained):
        return cluster
    return (
        "import again with --centroids, those that this model was trained with; or start its visual half anew with "
        f"{cluster}"
    )
