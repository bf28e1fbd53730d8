"""`videobert cluster`: a codebook from clip features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videobert.cli.door import modeling
from videobert.cli.options import TalkOptions, command
from videobert.cli.output import check_writable, print_json, print_text
from videobert.cli.talk import steps


@command
def cluster(
    features: Annotated[
        list[Path],
        typer.Argument(help="Feature files, in a fixed order: the result depends on it.", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The codebook, codebook.safetensors of a model folder.")
    ] = Path("codebook.safetensors"),
    branching: Annotated[int, typer.Option(min=2, help="Branches at each level of the tree.")] = 12,
    depth: Annotated[int, typer.Option(min=1, help="Levels of the tree.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and features give the same codebook.")] = 0,
    *,
    options: TalkOptions,
) -> None:
    """Train a codebook on clip features by hierarchical k-means."""
    check_writable(out, "--out")
    with modeling("cluster", "train"):
        from videobert_modeling.cluster import cluster_files

        with steps("clustering", options) as on_progress:
            result = cluster_files(features, out, branching=branching, depth=depth, seed=seed, on_progress=on_progress)
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
