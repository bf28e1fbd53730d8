"""Options that several verbs share, and the decorator that turns a function with them into a command."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.models import ArgumentInfo

from videobert.base.limits import Limits
from videobert.cli.failure import guarded
from videobert.cli.parser.values import taken

_TALK = "Talk"
_MODEL = "Model and machine"
_LIMITS = "Limits"
_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkOptions:
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
class ModelOptions(TalkOptions):
    """What every verb takes that runs a model."""

    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", help="A bundled model's name or a model folder.", rich_help_panel=_MODEL, metavar="NAME"
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
        Literal["auto", "fp32", "bf16"],
        typer.Option(help="bf16 where the hardware multiplies it natively, or one of the two.", rich_help_panel=_MODEL),
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

    stride: Annotated[
        int | None,
        typer.Option(min=1, max=5, help="Use every n-th clip; the model's recipe decides if not given."),
    ] = None

    track: Annotated[
        int | None,
        typer.Option(min=0, help="Read the n-th video track of the file, from 0; as a player chooses if not given."),
    ] = None


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A typer command made of `function`: its options object unfolded, its errors shown and turned into exit codes.

    `function` has one keyword parameter `options`, annotated with one of the classes above; the command has that
    class's fields as options instead.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    options_class = hints.pop("options")
    option_hints = typing.get_type_hints(options_class, include_extras=True)
    names = [field.name for field in dataclasses.fields(options_class)]

    @functools.wraps(function)
    def unfolded(**values: Any) -> None:
        options = options_class(**{name: values.pop(name) for name in names})
        with guarded(debug=options.debug, as_json=options.json):
            function(**values, options=options)

    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "options"
    ]
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=option_hints[field.name]
        )
        for field in dataclasses.fields(options_class)
    ]
    # The verb's own options first: the reader of `--help` came for them.
    verb = function.__name__.rstrip("_")
    parameters = [each.replace(annotation=_told(each.annotation, each.name, verb)) for each in (*own, *shared)]
    unfolded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    unfolded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return unfolded


def _told(annotation: Any, name: str, verb: str) -> Any:
    """The annotation of a parameter, completed with how its value is written in help and how it is read."""
    kind, info = typing.get_args(annotation)
    info = copy.copy(info)
    argument = isinstance(info, ArgumentInfo)
    spelt = name.upper() if argument else _option_name(info, name)
    takes = taken(kind, name=spelt, verb=verb, least=info.min, most=info.max)
    info.metavar = info.metavar or (spelt if argument else takes.metavar)
    if (read := takes.read) is not None:
        info.parser = lambda typed: read(typed)  # typer asks for its `__name__`, which a partial lacks
    if takes.in_help is not None:
        info.help = f"{info.help} [{takes.in_help}]"
    return Annotated[kind, info]


def _option_name(info: Any, name: str) -> str:
    """How an option is typed in full. Of the names that it was declared with, typer keeps the first as its default."""
    declared = [each for each in (info.default, *(info.param_decls or ())) if str(each).startswith("--")]
    return declared[0] if declared else f"--{name.replace('_', '-')}"
