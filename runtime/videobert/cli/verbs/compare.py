"""`videobert compare`: two engines, precisions, folders or saved results on identical input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.cli.failure import DIFFERENT
from videobert.cli.inputs import keep_videos
from videobert.cli.output_file import check_writable, write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.measuring_options import DETAILS, CacheDirOption, FilmOption
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json


@command
def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="What the other is judged by: a model, with an engine, a precision or a device behind colons, such as "
            "shapes:fp32; or a file that `bench`, `run` or `tokens` saved.",
            show_default=False,
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The other; a saved file where A is one.", show_default=False)],
    video: Annotated[
        Path | None,
        typer.Argument(help="A video file; the clip of A if neither this nor --film is given.", show_default=False),
    ] = None,
    film: FilmOption = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=5, help="Pairs of answers whose times are compared: 10, or 30 with --beside.", show_default=False
        ),
    ] = None,
    speed: Annotated[bool, typer.Option(help="Compare times, too; never without parity.")] = True,
    layers: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.json",
            help="Write the layers that are worth a higher precision, for `videobert build --keep`.",
            show_default=False,
        ),
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            metavar="PYTHON",
            help="The Python of another environment, whose videobert answers as A, in turns with this one as B: "
            "whether a change made something slower.",
            show_default=False,
        ),
    ] = None,
    verb: Annotated[
        Literal["run", "tokens", "features", "embed"], typer.Option(help="What is timed.", rich_help_panel=DETAILS)
    ] = "run",
    stride: Annotated[
        int | None,
        typer.Option(min=1, max=5, help="Use every n-th clip; A's recipe decides if not given."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Most CPU threads of both.", rich_help_panel=DETAILS, show_default=False)
    ] = None,
    cache_dir: CacheDirOption = None,
    *,
    options: CommonOptions,
) -> None:
    """Compare two models, engines, precisions or saved results: where B differs from A first, and how fast it is.

    Every stage of B is given what A's stages had on the video; in the first that is beyond tolerance, the first layer
    is named. Exits with 1 without parity; of two files of `bench`, and with --beside, also if the second is slower.

    Example: videobert compare shapes:fp32 shapes:bf16 --runs 5
    """
    from videobert.bench.compare import compare as compared
    from videobert.bench.keep_layers import kept_file
    from videobert.report.comparison import print_comparison

    check_writable(layers, "--layers")
    keep_videos([each for each in (a, b, video) if each is not None], [layers], "--layers")
    with step_progress("compare", options) as step:
        found = compared(
            a,
            b,
            video,
            film=film,
            runs=runs,
            speed=speed,
            layers=layers is not None,
            beside=beside,
            verb=verb,
            stride=stride,
            threads=threads,
            cache_dir=cache_dir,
            on_step=None if step is None else lambda doing: step(doing, 0, None),
        )
    if layers is not None:
        write_output(layers, (json.dumps(kept_file(a, found), indent=1) + "\n").encode(), options)
    if options.json:
        print_json(found)
    else:
        print_comparison(found)
    judged_by_speed = found.parity is None or beside is not None
    slower = judged_by_speed and found.speed is not None and found.speed.verdict == "slower"
    if found.parity is False or slower:
        raise typer.Exit(DIFFERENT)
