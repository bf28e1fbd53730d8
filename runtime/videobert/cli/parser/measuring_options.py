"""Options that `bench`, `compare`, `plan` and `check` share: what is measured, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

DETAILS = "Details"

FilmOption = Annotated[
    str | None,
    typer.Option(
        metavar="WxHxS",
        help="Make a film of this width, height and length in seconds, e.g. 854x480x20.",
        show_default=False,
    ),
]
DeviceOption = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where to run.", rich_help_panel=DETAILS)]
CacheDirOption = Annotated[
    Path | None,
    typer.Option(
        help="Where compiled models are kept; the user's cache if not given.",
        rich_help_panel=DETAILS,
        show_default=False,
    ),
]
