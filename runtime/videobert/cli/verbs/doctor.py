"""`videobert doctor`: what is installed, what can run, what fixes the rest."""

from __future__ import annotations

import typer

from videobert.cli.failure import ENVIRONMENT
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.cli.stdout import print_json


@command
def doctor(*, options: CommonOptions) -> None:
    """Show what is installed, which engines and decoders can run, and the command that fixes what cannot.

    A row is an engine or a decoder; a target that can be built for here; an extra that works without a model; the
    native part, the cache of compiled models, or a model. The packages of every extra are listed below the rows.

    Exits with 4 if this machine cannot run a model on a video.
    """
    from videobert.doctor.examine import examine

    with spinner("looking around", options):
        diagnosis = examine()
    if options.json:
        print_json(diagnosis)
    else:
        from videobert.report.diagnosis import print_diagnosis

        print_diagnosis(diagnosis)
    if not diagnosis.ready:
        raise typer.Exit(ENVIRONMENT)
