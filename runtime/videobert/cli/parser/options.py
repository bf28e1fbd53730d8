"""Options that several verbs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.base.limits import Limits
from videobert.model.precision import Precision
from videobert.video.decoders.decoder_threads import MOST_THREADS

_TALK = "Talk"
_MODEL = "Model and machine"
_LIMITS = "Limits"
_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What every verb takes: the form of its answer and how much it says on the way."""

    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one strict JSON object instead of text; an error is one on stderr.",
            rich_help_panel=_TALK,
        ),
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.", rich_help_panel=_TALK)
    ] = False
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", envvar="VIDEOBERT_DEBUG", help="Show the traceback of an error.", rich_help_panel=_TALK
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions(CommonOptions):
    """What every verb takes that runs a model."""

    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A model's name, such as `shapes` or `everyday`, or a model folder.",
            rich_help_panel=_MODEL,
            metavar="NAME",
        ),
    ] = "shapes"
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to run.", rich_help_panel=_MODEL)] = (
        "auto"
    )
    engine: Annotated[
        Literal["auto", "openvino", "tensorrt", "torch"],
        typer.Option(help="What runs the graphs.", rich_help_panel=_MODEL),
    ] = "auto"
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most CPU threads that compute at a time; all that the system grants if not given.",
            rich_help_panel=_MODEL,
        ),
    ] = None
    hint: Annotated[
        Literal["latency", "throughput"],
        typer.Option(help="Answer one video soonest, or the most video per second.", rich_help_panel=_MODEL),
    ] = "latency"
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto: bf16 where the hardware multiplies it natively, else fp32; int8 for `everyday`. exact: bf16, "
            "but clips whose visual token could be another in fp32 are computed again in it. int8: the backbone on "
            "8-bit values, of `shapes`, `everyday` or a model built for it.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto"
    cache_dir: Annotated[
        Path | None,
        typer.Option(help="Where compiled models are kept; the user's cache if not given.", rich_help_panel=_MODEL),
    ] = None
    rebuild_engines: Annotated[
        bool,
        typer.Option(
            "--rebuild-engines",
            help="Build TensorRT engines again that do not fit this GPU or library.",
            rich_help_panel=_MODEL,
        ),
    ] = False
    trust_engines: Annotated[
        bool,
        typer.Option(
            "--trust-engines",
            help="Load engines and kernels of the model folder that were built elsewhere: they are code.",
            rich_help_panel=_MODEL,
        ),
    ] = False
    max_duration_s: Annotated[
        float,
        typer.Option("--max-duration-s", min=0.0, help="Longest video accepted, seconds.", rich_help_panel=_LIMITS),
    ] = _DEFAULT_LIMITS.max_duration_s
    max_side_px: Annotated[
        int, typer.Option("--max-side-px", min=1, help="Longest frame side accepted, pixels.", rich_help_panel=_LIMITS)
    ] = _DEFAULT_LIMITS.max_side_px

    max_repeated_frames: Annotated[
        int,
        typer.Option(
            "--max-repeated-frames",
            min=1,
            help="Longest stretch without a new picture that is kept, in samples.",
            rich_help_panel=_LIMITS,
        ),
    ] = _DEFAULT_LIMITS.max_repeated_frames

    max_text_chars: Annotated[
        int,
        typer.Option("--max-text-chars", min=1, help="Longest text accepted, characters.", rich_help_panel=_LIMITS),
    ] = _DEFAULT_LIMITS.max_text_chars

    @property
    def limits(self) -> Limits:
        """The limits on input that these options ask for."""
        return Limits(
            max_duration_s=self.max_duration_s,
            max_side_px=self.max_side_px,
            max_repeated_frames=self.max_repeated_frames,
            max_text_chars=self.max_text_chars,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions(ModelOptions):
    """What every verb takes that reads a video."""

    decoder: Annotated[
        Literal["auto", "pyav", "dali"],
        typer.Option(help="What decodes videos; dali needs videobert[dali].", rich_help_panel=_MODEL),
    ] = "auto"

    decoder_threads: Annotated[
        int | Literal["measured"] | None,
        typer.Option(
            min=1,
            max=MOST_THREADS,
            help="Threads that decode a video, with --threads fewer than those; all if not given. measured: as many as "
            "proved fastest here with this model, tried for some seconds when it is first asked for.",
            rich_help_panel=_MODEL,
        ),
    ] = None

    stride: Annotated[
        int | None,
        typer.Option(min=1, max=5, help="Use every n-th clip; the model's recipe decides if not given."),
    ] = None

    track: Annotated[
        int | None,
        typer.Option(min=0, help="Read the n-th video track of the file, from 0; as a player chooses if not given."),
    ] = None
