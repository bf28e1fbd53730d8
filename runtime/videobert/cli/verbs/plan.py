"""`videobert plan`: the setting of a model that keeps within a latency and a memory, found by measuring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videobert.cli.parser.command import command
from videobert.cli.parser.measuring_options import DETAILS, CacheDirOption, DeviceOption
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json


@command
def plan(
    video: Annotated[Path, typer.Argument(help="A short video of the kind that is to come.", show_default=False)],
    latency_ms: Annotated[
        float | None,
        typer.Option(
            "--latency-ms",
            min=0.0,
            help="Most milliseconds from a clip to its answer, in 95 of 100.",
            show_default=False,
        ),
    ] = None,
    memory_mb: Annotated[
        float | None,
        typer.Option("--memory-mb", min=0.0, help="Most memory, in units of 1,000,000 bytes.", show_default=False),
    ] = None,
    real_time: Annotated[
        float, typer.Option("--real-time", min=0.0, help="Seconds of video to be answered in a second; 0 for any.")
    ] = 1.0,
    least_agreement: Annotated[
        float,
        typer.Option("--least-agreement", min=0.0, max=1.0, help="Share of the time with the answers of fp32."),
    ] = 0.99,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help="A model's name, or a model folder.")
    ] = "shapes",
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="Try this engine alone, may be repeated: openvino, tensorrt, torch.",
            rich_help_panel=DETAILS,
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            help="Try this precision alone, may be repeated; fp32 is what answers are held to.",
            rich_help_panel=DETAILS,
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    runs: Annotated[int, typer.Option(min=5, help="Clips that a latency is taken of.", rich_help_panel=DETAILS)] = 10,
    cache_dir: CacheDirOption = None,
    *,
    options: CommonOptions,
) -> None:
    """Choose engine, precision, threads, batch and stride: what keeps within the limits at the least loss.

    Every setting is measured in a process of its own, which takes some seconds each. Run it on a machine that does
    nothing else.

    Example: videobert plan clip.mp4 --latency-ms 500 --precision fp32
    """
    from videobert.bench.plan import plan as planned
    from videobert.report.plan import print_plan

    with step_progress("plan", options) as step:
        found = planned(
            model,
            video,
            latency_ms=latency_ms,
            memory_mb=memory_mb,
            real_time=real_time,
            least_agreement=least_agreement,
            engines=engine,
            precisions=precision,
            device=device,
            runs=runs,
            cache_dir=cache_dir,
            on_step=None if step is None else lambda doing: step(doing, 0, None),
        )
    if options.json:
        print_json(found)
    else:
        print_plan(found)
