"""The table of verbs holds every file of `verbs/`, and the command has what the table says."""

from __future__ import annotations

from pathlib import Path

import videobert.cli.verbs
from videobert.cli.main import VERBS, app


def test_every_file_of_a_verb_is_in_the_table() -> None:
    (folder,) = videobert.cli.verbs.__path__
    files = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}
    assert set(VERBS) == files


def test_the_command_has_each_verb_once_in_its_group() -> None:
    commands = [(command.name, command.rich_help_panel) for command in app.registered_commands]
    assert commands == [(name.rstrip("_"), group) for name, group in VERBS.items()]
