"""`videobert cluster`: a codebook from videos or from saved clip features."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.cli.door import modeling
from videobert.cli.options import TalkOptions, command
from videobert.cli.output import check_writable, print_json, print_text
from videobert.cli.talk import steps
from videobert.model_folder import find


@command
def cluster(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Videos, with --model, or feature files. The result depends on their order.", show_default=False
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="Whose backbone sees the videos: a bundled model's name, or a folder that needs no codebook yet.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The codebook, codebook.safetensors of a model folder.")
    ] = Path("codebook.safetensors"),
    branching: Annotated[int, typer.Option(min=2, help="Branches at each level of the tree.")] = 12,
    depth: Annotated[int, typer.Option(min=1, help="Levels of the tree.")] = 4,
    decoder: Annotated[
        Literal["auto", "pyav", "dali"], typer.Option(help="What decodes videos; dali needs videobert[dali].")
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed and features give the same codebook.")] = 0,
    *,
    options: TalkOptions,
) -> None:
    """Train a codebook on the clips of videos, or on features saved before, by hierarchical k-means."""
    check_writable(out, "--out")
    with modeling("cluster", "train"):
        from videobert_modeling.cluster import cluster_files
        from videobert_modeling.video_features import cluster_videos

        with steps("clustering", options) as on_progress:
            if model is None:
                train = partial(cluster_files, [Path(source) for source in sources])
            else:
                train = partial(cluster_videos, find(model), sources, decoder=decoder)
            result = train(out, branching=branching, depth=depth, seed=seed, on_progress=on_progress)
    if options.json:
        print_json(
            {
                "codebook": str(out),
                "hash": result.codebook.hash,
                "leaves": len(result.codebook),
                "agreement": result.codebook.agreement,
                "held_out_agreement": result.held_out_agreement,
                "objectives": result.objectives,
                "unsplit": result.unsplit,
                "training_rows": result.training_rows,
                "held_out_rows": result.held_out_rows,
            }
        )
    else:
        print_text(result.summary)
