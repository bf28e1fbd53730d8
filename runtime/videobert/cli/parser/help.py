"""The text of `--help`: one column where the terminal is narrow, two where it is not, and no word broken."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from videobert.report.screen import cells, knows_styles, padded, reading_width, wrapped

# Names stand beside their texts if that leaves the texts this many columns.
_LEAST_TEXT = 36
_WIDEST_TEXT = 100
_GAP = 3
_OWN_PANEL = "Options"


def name_of(parameter: Any) -> str:
    """A parameter as it is typed: `--stride`, or `VIDEO` for an argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    return str(max(parameter.opts, key=len))


def usage_of(command: Any, context: Any) -> str:
    """`videobert fill TEXT [VIDEO] [OPTIONS]`."""
    words = [context.command_path]
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            name = name_of(parameter) + ("…" if parameter.nargs != 1 else "")
            words.append(name if parameter.required else f"[{name}]")
        elif parameter.required:
            words.append(f"{name_of(parameter)} {parameter.metavar}")
    words.append("VERB …" if hasattr(command, "list_commands") else "[OPTIONS]")
    return " ".join(words)


def help_of_verb(command: Any, context: Any) -> str:
    """The help of one verb: usage, what it does, its arguments, and its options by panel."""
    page = _Page()
    page.line(f"Usage: {usage_of(command, context)}")
    page.prose(command.help)
    parameters = [parameter for parameter in command.get_params(context) if not getattr(parameter, "hidden", False)]
    page.panel("Arguments", (_entry(each, context) for each in parameters if each.param_type_name == "argument"))
    panels: dict[str, list[tuple[str, str]]] = {_OWN_PANEL: []}
    for parameter in parameters:
        if parameter.param_type_name != "argument":
            panel = getattr(parameter, "rich_help_panel", None) or _OWN_PANEL
            panels.setdefault(panel, []).append(_entry(parameter, context))
    for title, entries in panels.items():
        page.panel(title, entries)
    return page.text


def help_of_command(group: Any, context: Any) -> str:
    """The help of the whole command: usage, its verbs by panel, its options, and what holds for every verb."""
    page = _Page()
    page.line(f"Usage: {usage_of(group, context)}")
    page.prose(group.help)
    panels: dict[str, list[tuple[str, str]]] = {}
    for name in group.list_commands(context):
        verb = group.get_command(context, name)
        panel = getattr(verb, "rich_help_panel", None)
        first = inspect.cleandoc(verb.help or "").split("\n\n")[0]
        # typer gives None, or a mark of its own, where a verb names no panel.
        panels.setdefault(panel if isinstance(panel, str) else "Verbs", []).append((name, _plain(first)))
    for title, entries in panels.items():
        page.panel(title, entries)
    page.panel(_OWN_PANEL, (_entry(parameter, context) for parameter in group.get_params(context)))
    page.prose(group.epilog)
    return page.text


def _entry(parameter: Any, context: Any) -> tuple[str, str]:
    """A parameter's name with what it takes, and its text with what is allowed and what holds if it is left out."""
    if parameter.param_type_name == "argument":
        name = name_of(parameter) + ("…" if parameter.nargs != 1 else "")
    else:
        opts = sorted((*parameter.opts, *parameter.secondary_opts), key=lambda option: not option.startswith("--"))
        flag = getattr(parameter, "is_flag", False)
        name = ", ".join(opts) if flag else f"{', '.join(opts)} {parameter.metavar}"
    notes = []
    environment = getattr(parameter, "envvar", None)
    if environment:
        notes.append(f"environment: {environment}")
    if parameter.required:
        notes.append("required")
    default = parameter.get_default(context, call=False)
    if isinstance(default, bool):
        default = (parameter.opts if default else parameter.secondary_opts)[0] if parameter.secondary_opts else None
    if parameter.show_default and default is not None:
        notes.append(f"default: {default:g}" if isinstance(default, float) else f"default: {default}")
    return name, " ".join([_plain(parameter.help or ""), *(f"[{note}]" for note in notes)])


def _plain(text: str) -> str:
    """A help text on one line."""
    return " ".join(text.split())


class _Page:
    """Lines of text, made to fit."""

    def __init__(self) -> None:
        self._width = reading_width(sys.stdout)
        self._styled = knows_styles(sys.stdout)
        self._lines: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def line(self, text: str) -> None:
        self._lines += wrapped(text, self._width, rest="    ")

    def prose(self, text: str | None) -> None:
        width = min(self._width, _WIDEST_TEXT)
        for paragraph in inspect.cleandoc(text or "").split("\n\n"):
            lines = paragraph.splitlines()
            if lines and all(line.startswith("videobert ") for line in lines):
                self._lines += ["", *(part for line in lines for part in self._typed(line))]
            elif lines:
                self._lines += ["", *wrapped(_plain(paragraph), width)]

    def _typed(self, command: str) -> list[str]:
        """A command to be copied: on a line of its own, or on several that a shell takes for one."""
        end = " \\"
        *before, last = wrapped(command, None if self._width is None else self._width - cells(end), rest="    ")
        return [*(line + end for line in before), last]

    def panel(self, title: str, entries: Iterable[tuple[str, str]]) -> None:
        entries = list(entries)
        if not entries:
            return
        self._lines += ["", f"\x1b[1m{title}\x1b[0m" if self._styled else title]
        column = 2 + max(cells(name) for name, _ in entries) + _GAP
        beside = self._width - column >= _LEAST_TEXT
        for name, text in entries:
            self._lines += self._beside(name, text, column) if beside else self._below(name, text)

    def _beside(self, name: str, text: str, column: int) -> Iterator[str]:
        width = min(self._width, column + _WIDEST_TEXT)
        return wrapped(text, width, first=padded(f"  {name}", column), rest=" " * column)

    def _below(self, name: str, text: str) -> Iterator[str]:
        yield from wrapped(name, self._width, first="  ", rest="    ")
        yield from wrapped(text, self._width, first="      ", rest="      ")
