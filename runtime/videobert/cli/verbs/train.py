"""`videobert train`: the bundled model, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from videobert.cli.needs_modeling import modeling_side
from videobert.cli.notes import note
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json, print_row


@command
def train(
    world: Annotated[Literal["shapes"], typer.Argument(help="The generated world to learn from.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The new model folder.", show_default=False)],
    work: Annotated[
        Path | None,
        typer.Option(
            "--work",
            metavar="DIR",
            help="Where stages are kept, so that an interrupted run goes on; OUT.work if not given.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        Literal["full", "smoke"], typer.Option(help="The real thing, or two minutes to see that all parts work.")
    ] = "full",
    seed: Annotated[int, typer.Option(min=0, help="On one machine, the same seed gives the same model.")] = 0,
    real_film: Annotated[
        Path | None,
        typer.Option(
            metavar="VIDEO",
            help="A video of the real world, to measure the out-of-domain signal on.",
            show_default=False,
        ),
    ] = None,
    *,
    options: CommonOptions,
) -> None:
    """Train a small model on a generated world: the one that comes with every install."""
    with modeling_side("train", "train"):
        from videobert_modeling.train.shapes.chain import train as train_shapes

        with step_progress(f"training {world}", options) as on_progress:
            results = train_shapes(
                out,
                work or out.with_name(f"{out.name}.work"),
                scale=scale,
                seed=seed,
                real_film=real_film,
                on_progress=on_progress,
            )
    note(f"wrote {out}", options)
    if options.json:
        print_json({"out": str(out), "results": results})
        return
    for name, value in _flat(results):
        print_row(name, value)


def _flat(results: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested results as names with dots."""
    for name, value in results.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
