"""The command and its verbs as typer reads them: its mistakes and its help in our own words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from videobert.base.errors import UsageError
from videobert.cli.failure import is_typers
from videobert.cli.parser.help import help_of_command, help_of_verb, name_of, usage_of
from videobert.cli.parser.values import nearest, see_help

# What the end of a help text says of the values that are accepted.
_ALLOWED = re.compile(r" \[[^\]]*\]$")


class VerbCommand(TyperCommand):
    """One verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what follows the verb.

        Raises:
            UsageError: an option or argument is unknown, missing, or not what it takes.
        """
        ctx.allow_extra_args = True  # so that they can be shown
        try:
            rest = super().parse_args(ctx, args)
        except Exception as error:
            if not _is_mistake(error):
                raise
            raise _mistake(error, self.get_params(ctx), ctx.command_path, usage_of(self, ctx)) from None
        if rest and not ctx.resilient_parsing:
            raise UsageError(
                "there is more than the verb takes",
                seen=" ".join(rest),
                allowed=f"`{usage_of(self, ctx)}`",
                fix=f"A text or name with spaces stands in quotes. {see_help(ctx.command_path)}",
            )
        return rest

    def get_help(self, ctx: Any) -> str:
        """The text of `--help`."""
        return help_of_verb(self, ctx)


class VerbGroup(TyperGroup):
    """The command with all its verbs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what stands before the verb.

        Raises:
            UsageError: an option is unknown, or not used as it should be.
        """
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if not _is_mistake(error):
                raise
            raise _mistake(error, self.get_params(ctx), ctx.command_path, usage_of(self, ctx)) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the verb.

        Raises:
            UsageError: there is none.
        """
        try:
            return super().invoke(ctx)
        except Exception as error:
            # A verb's mistakes are in our words by now; what is left is that no verb was named.
            if not _is_mistake(error):
                raise
            raise UsageError("there is no verb", allowed=self._verbs(ctx), fix=see_help(ctx.command_path)) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that was typed.

        Raises:
            UsageError: there is none of that name.
        """
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise UsageError(
                "there is no such verb",
                seen=args[0],
                allowed=self._verbs(ctx),
                fix=nearest(args[0], self.list_commands(ctx)) + see_help(ctx.command_path),
            )
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The text of `--help`."""
        return help_of_command(self, ctx)

    def _verbs(self, ctx: Any) -> str:
        return ", ".join(self.list_commands(ctx))


def _is_mistake(error: BaseException) -> bool:
    return is_typers(error) and not isinstance(error, (typer.Exit, typer.Abort))


def _mistake(error: Any, parameters: Iterable[Any], command: str, usage: str) -> UsageError:
    """What typer found wrong, told by the kind of its error: its words, in any language, are not ours."""
    options = {option: parameter for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
    long_options = [option for option in options if option.startswith("--")]
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "NoSuchOption":
        return UsageError(
            "there is no such option",
            seen=error.option_name,
            allowed=", ".join(long_options),
            fix=nearest(error.option_name, long_options) + see_help(command),
        )
    if kind == "BadOptionUsage" and error.option_name in options:
        return _wrong_use(error.option_name, options[error.option_name], command)
    if kind == "MissingParameter" and parameter is not None:
        return UsageError(
            f"{name_of(parameter)} is missing",
            allowed=f"`{usage}`",
            fix=f"Add {_meaning(parameter)}. {see_help(command)}",
        )
    if parameter is not None:
        cause = error.__cause__.errors() if hasattr(error.__cause__, "errors") else [{}]
        flag = getattr(parameter, "is_flag", False)
        return UsageError(
            f"{name_of(parameter)} is not something that it takes",
            seen=cause[0].get("input"),
            allowed="true or false" if flag else None,
            fix=see_help(command),
        )
    return UsageError("what was typed cannot be read", seen=error.format_message(), fix=see_help(command))


def _wrong_use(option: str, parameter: Any, command: str) -> UsageError:
    if getattr(parameter, "is_flag", False):
        both = " or ".join((*parameter.opts, *parameter.secondary_opts))
        return UsageError(f"{option} takes no value", allowed=f"{both} alone", fix=see_help(command))
    return UsageError(
        f"{option} needs a value",
        allowed=f"{option} {parameter.metavar}",
        fix=f"Type its value after it. {see_help(command)}",
    )


def _meaning(parameter: Any) -> str:
    """`SOURCE: the checkpoint, a file or a folder`."""
    first = _ALLOWED.sub("", parameter.help or "").split(". ")[0].rstrip(".")
    return f"{name_of(parameter)}: {first[:1].lower()}{first[1:]}"
