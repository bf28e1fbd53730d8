"""`videobert cluster`: a codebook from videos or from saved clip features, into a model folder or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from videobert.base.errors import UsageError
from videobert.cli.needs_modeling import modeling_side, require_packages
from videobert.cli.notes import note
from videobert.cli.output_file import check_writable
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json, print_text
from videobert.model.folder import find
from videobert.model.mending import CODEBOOK, check_written, typed


@command
def cluster(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Videos, with --model, or feature files (.safetensors). The result depends on their order.",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="A model folder, which needs no build yet: its backbone sees the videos, and the codebook goes into "
            "it. The name of a bundled model, or of one of `videobert get`, with --out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A new file for the codebook; no model is changed. codebook.safetensors without --model and --out.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Give up the codebook that is there, and in a model the visual rows that rest on it.",
        ),
    ] = False,
    branching: Annotated[int, typer.Option(min=2, help="Branches at each level of the tree.")] = 12,
    depth: Annotated[int, typer.Option(min=1, help="Levels of the tree.")] = 4,
    decoder: Annotated[
        Literal["auto", "pyav", "dali"], typer.Option(help="What decodes videos; dali needs videobert[dali].")
    ] = "auto",
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed and features give the same codebook and the same new rows.")
    ] = 0,
    *,
    options: CommonOptions,
) -> None:
    """Train a codebook on the clips of videos, or on features saved before, by hierarchical k-means.

    In a model folder the visual half of the vocabulary is resized to it: each visual token gets a new, untrained row.

    Example: videobert cluster clip.mp4 --model my-model
    """
    folder = None if model is None else find(model)
    file = _codebook_file(folder, out, replace, sources)
    require_packages("cluster", "train", "sklearn")
    sizes: dict[str, Any] = {"branching": branching, "depth": depth, "seed": seed}
    fitted = None
    with modeling_side("cluster", "train"), step_progress("clustering", options) as on_progress:
        sizes["on_progress"] = on_progress
        if folder is None:
            from videobert_modeling.codebooks.cluster import cluster_files

            result = cluster_files([Path(source) for source in sources], file or Path(CODEBOOK), **sizes)
        else:
            from videobert_modeling.codebooks.video_features import cluster_into, cluster_videos
            from videobert_modeling.model_folder.refit import untrained_backbone

            if untrained_backbone(folder):
                note(
                    f"note: the backbone of {folder} was never trained, so its tokens mean nothing; import one with "
                    "--backbone",
                    options,
                )
            if file is not None:
                result = cluster_videos(folder, sources, file, decoder=decoder, **sizes)
            else:
                result, fitted = cluster_into(folder, sources, replace=replace, decoder=decoder, **sizes)
    if options.json:
        print_json(
            {
                "codebook": str(file or (folder or Path()) / CODEBOOK),
                "hash": result.codebook.hash,
                "leaves": len(result.codebook),
                "agreement": result.codebook.agreement,
                "held_out_agreement": result.held_out_agreement,
                "objectives": result.objectives,
                "unsplit": result.unsplit,
                "training_rows": result.training_rows,
                "held_out_rows": result.held_out_rows,
                "model": fitted
                and {
                    "folder": str(fitted.folder),
                    "visual_tokens_before": fitted.before,
                    "visual_tokens": fitted.after,
                    "untrained": fitted.untrained,
                    "notes": fitted.notes,
                },
            }
        )
        return
    print_text(result.summary)
    if fitted is not None:
        print_text(fitted.summary)
        note(f"next: videobert build {typed(fitted.folder)}", options)


def _codebook_file(folder: Path | None, out: Path | None, replace: bool, sources: list[str]) -> Path | None:
    """The file to write; None for the model folder itself.

    Raises:
        UsageError: the file is there already, or would lie in a model folder that does not fit it.
    """
    if folder is not None and out is not None and out.resolve() == (folder / CODEBOOK).resolve():
        out = None
    if folder is not None and out is None:
        check_written(folder, fix="Pass --out FILE for the codebook alone.")
        return None
    file = out or Path(CODEBOOK)
    check_written(file.parent, fix="Name another --out.")
    check_writable(file, "--out")
    if file.exists() and any(os.path.exists(source) and file.samefile(source) for source in sources):
        raise UsageError("--out is one of the sources", seen=str(file), fix="Name a new one.")
    if file.exists() and not replace:
        raise UsageError(
            "the place to write to is taken", seen=str(file), fix="Name a new one with --out, or pass --replace."
        )
    if file.name == CODEBOOK and (file.absolute().parent / "config.json").is_file():
        raise UsageError(
            "a codebook that lies in a model folder must fit the model",
            seen=str(file),
            fix=f"Pass --model {typed(file.absolute().parent)}, which fits the model to it, or name another --out.",
        )
    return file
