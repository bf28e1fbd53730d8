"""`videobert check`: every stage of a model on named arrays, on one engine or on two to be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.check.array_file import write_arrays
from videobert.cli.failure import DIFFERENT
from videobert.cli.notes import note
from videobert.cli.output_file import check_writable
from videobert.cli.parser.command import command
from videobert.cli.parser.measuring_options import DETAILS, CacheDirOption, DeviceOption
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.cli.stdout import print_json, print_rows
from videobert.model.precision import Precision
from videobert.results.check import Check


@command
def check(
    folder: Annotated[str, typer.Argument(help="A model folder, or a model's name.", show_default=False)],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "--inputs",
            "-i",
            metavar="IN.npz",
            help="Arrays by name, STAGE.NAME or NAME; made from --seed if not given.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT.npz",
            help="Where inputs and outputs go, as STAGE.NAME.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        Literal["openvino", "tensorrt", "torch"] | None,
        typer.Option(
            help="What runs the stages; torch and openvino, and what differs, if not given.", show_default=False
        ),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Run this stage alone, with the earlier ones that it needs.", show_default=False
        ),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="Only fp32 is held to anything.", rich_help_panel=DETAILS)
    ] = "fp32",
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of inputs that are made.", rich_help_panel=DETAILS)] = 0,
    cache_dir: CacheDirOption = None,
    *,
    options: CommonOptions,
) -> None:
    """Run every stage of a model on named arrays, to compare it with the program that made it, or two engines.

    Masks, 1 for a real place, stand for lengths. What was not given comes from an earlier stage that gives it. Exits
    with 1 if two engines differ by more than 1e-5 of the largest value, 1e-4 for logits, or of 1 if that is larger.

    Example, from arrays made here to what one engine makes of them:

    videobert check my-model --out made.npz
    videobert check my-model --inputs made.npz --out out.npz --engine torch
    """
    from videobert.check.folder_check import check_folder

    check_writable(out, "--out")
    with spinner(f"checking {folder}", options):
        checked = check_folder(
            folder,
            inputs,
            engine=engine,
            stage=stage,
            device=device,
            precision=precision,
            seed=seed,
            cache_dir=cache_dir,
        )
        if out is not None:
            write_arrays(out, checked.arrays)
    if options.json:
        print_json(checked)
    else:
        _print(checked)
        _note(checked, options)
    if out is not None:
        note(f"wrote {out}: {len(checked.arrays)} arrays", options)
    if checked.agree is False:
        raise typer.Exit(DIFFERENT)


def _print(checked: Check) -> None:
    rows = [
        (
            each.name,
            " x ".join(map(str, each.shape)),
            each.dtype,
            *(f"{value:.6g}" for value in (each.least, each.most, each.mean, each.norm)),
        )
        for stage in checked.stages
        for each in stage.outputs
    ]
    print_rows(("output", "shape", "type", "least", "most", "mean", "norm"), rows)
    apart = [
        (
            each.name,
            _judged(each.agrees),
            f"{each.max_abs:.3g}",
            f"{each.relative:.3g}",
            "" if each.allowed is None else f"{each.allowed:g}",
        )
        for each in checked.differences
    ]
    if apart:
        print_rows(("difference", "judged", "largest", "relative", "allowed"), apart)


def _judged(agrees: bool | None) -> str:
    return "not judged" if agrees is None else "agrees" if agrees else "DIFFERS"


def _note(checked: Check, options: CommonOptions) -> None:
    for used in checked.engines:
        said = f"{used.engine} on {used.device}, {used.precision}"
        note(f"ran: {said}" + (f" ({used.fallback})" if used.fallback else ""), options)
    for stage in checked.stages:
        if not stage.ran:
            note(f"not run: {stage.name}: {stage.reason}", options)
            continue
        note(f"{stage.name}: {stage.path}" + (", untrained" if stage.untrained else ""), options)
        for text in stage.notes:
            note(f"  {text}", options)
    for text in checked.notes:
        note(f"note: {text}", options)
