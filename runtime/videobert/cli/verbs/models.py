"""`videobert models`: the models that are here, and those that can be got."""

from __future__ import annotations

from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.cli.stdout import print_json


@command
def models(*, options: CommonOptions) -> None:
    """List the models that are here by their names, bundled or got, and what could be got.

    `videobert show MODEL` tells more of one of them, or of any model folder.
    """
    from videobert.doctor.model_list import list_models

    with spinner("looking for models", options):
        found = list_models()
    if options.json:
        print_json(found)
        return
    from videobert.report.model_list import print_models

    print_models(found)
