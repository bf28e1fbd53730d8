"""The decorator that turns a function with an options object into a command."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

from typer.models import ArgumentInfo

from videobert.cli.failure import guarded
from videobert.cli.parser.values import accepted, takes_words


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
    accepts = accepted(kind, name=spelt, verb=verb, least=info.min, most=info.max)
    info.metavar = info.metavar or (spelt if argument else accepts.metavar)
    if (read := accepts.read) is not None:
        info.parser = lambda typed: read(typed)  # typer asks for its `__name__`, which a partial lacks
    if accepts.in_help is not None:
        info.help = f"{info.help} [{accepts.in_help}]"
    # typer takes no union, and asks for nothing but this where it has a parser.
    return Annotated[str | None if takes_words(kind) else kind, info]


def _option_name(info: Any, name: str) -> str:
    """How an option is typed in full. Of the names that it was declared with, typer keeps the first as its default."""
    declared = [each for each in (info.default, *(info.param_decls or ())) if str(each).startswith("--")]
    return declared[0] if declared else f"--{name.replace('_', '-')}"
