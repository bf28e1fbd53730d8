"""`videobert bench`: where the time goes on this machine, and how sure that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.base.errors import UsageError
from videobert.cli.failure import DIFFERENT
from videobert.cli.inputs import keep_videos
from videobert.cli.notes import note
from videobert.cli.open_model import load_arguments
from videobert.cli.output_file import check_writable, write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.measuring_options import FilmOption
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json
from videobert.cli.video_argument import clip_of_model
from videobert.results.as_json import to_json

_FILES = "Files"


@command
def bench(
    video: Annotated[
        Path | None,
        typer.Argument(
            help="A video file; the model's own clip if neither this nor --film is given.", show_default=False
        ),
    ] = None,
    film: FilmOption = None,
    verb: Annotated[Literal["run", "tokens", "features", "embed"], typer.Option(help="What is asked.")] = "run",
    runs: Annotated[int, typer.Option(min=3, help="Answers that count; those that warm up come before.")] = 10,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V,V",
            help="Measure these too: threads, decoder_threads, engine, precision, hint, stride, length (seconds of the "
            "video), batch (clips that the backbone gets at once); may be repeated.",
            show_default=False,
        ),
    ] = None,
    cold: Annotated[bool, typer.Option(help="Start new processes: import, load, first answer, peak memory.")] = True,
    roofs: Annotated[bool, typer.Option(help="Measure what the machine reaches in plain work.")] = True,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Keep the result as JSON.", rich_help_panel=_FILES),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the result as one self-contained page.", rich_help_panel=_FILES),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write what ran when, for ui.perfetto.dev: as protobuf if named .pftrace, else as JSON.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OLD.json",
            help="A file of --out to be judged by; exits with 1 if this is slower.",
            rich_help_panel=_FILES,
            show_default=False,
        ),
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Measure a model on a video: where the time goes, how steady that is, what the hardware would allow.

    Run it on a machine that does nothing else: the result says how far it did.

    Example: videobert bench --film 320x240x4 --runs 3 --no-cold
    """
    from videobert.bench.compare_saved import against as judged
    from videobert.bench.saved_results import read_saved
    from videobert.bench.suite import Asked, bench_model
    from videobert.bench.sweep import parse_sweep
    from videobert.bench.trace import perfetto_trace
    from videobert.bench.trace_packets import NATIVE_SUFFIXES, perfetto_packets
    from videobert.report.bench_facts import noise_words
    from videobert.report.bench_page import bench_page
    from videobert.report.bench_terminal import print_bench
    from videobert.report.comparison import speed_words

    for path, name in ((out, "--out"), (html, "--html"), (trace, "--trace")):
        check_writable(path, name)
        keep_videos([] if video is None else [video], [path], name)
    if against is not None:
        # What cannot be read is said before anything is measured.
        read_saved(against)
    if video is not None and film is not None:
        raise UsageError("a video and --film are given", seen=str(video), fix="Give one of them.")
    asked = Asked(
        model=options.model,
        options=load_arguments(options),
        video=film or video or Path(clip_of_model(options)),
        verb=verb,
        runs=runs,
        reading={"stride": options.stride, "track": options.track},
        sweep=parse_sweep(sweep or []),
        cold=cold,
        roofs=roofs,
    )
    with step_progress("bench", options) as step:
        measured = bench_model(asked, lambda doing: None if step is None else step(doing, 0, None))
    result = measured.bench
    if out is not None:
        write_output(out, (json.dumps(to_json(result), indent=1, allow_nan=False) + "\n").encode(), options)
    if html is not None:
        write_output(html, bench_page(result).encode(), options)
    if trace is not None:
        written = perfetto_packets if trace.suffix in NATIVE_SUFFIXES else perfetto_trace
        write_output(trace, written(measured.spans, f"videobert {result.model}"), options)
    if options.json:
        print_json(result)
        if not result.noise.quiet:
            note(f"note: {noise_words(result.noise)}", options)
    else:
        print_bench(result)
    if against is not None:
        speed = judged(against, result)
        note(f"against {against}: {speed_words(speed)}", options)
        if speed.verdict == "slower":
            raise typer.Exit(DIFFERENT)
