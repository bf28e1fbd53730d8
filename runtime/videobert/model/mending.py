"""What mends a model folder: the one next step for a file that is missing, damaged or was never made."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from videobert.base.errors import UsageError
from videobert.model.got import get_command, got_name, got_places, is_got

BUNDLED = Path(__file__).parents[1] / "bundled"
CODEBOOK = "codebook.safetensors"
WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"
# Of a model whose visual tokens mean what it was trained on: others would tell it nothing.
IMPORT_AGAIN = "Import it again with --centroids, those that this model was trained with: it cannot learn others."
_COPY = "Copy the model folder again from where it came"


def is_never_written(folder: Path) -> bool:
    """Whether it is, or lies in, a model that came with the install or that `videobert get` put on this machine.

    Its hash names what indexes and saved files were made with, and only what made it can mend it: no verb writes to it.
    """
    return _never_written(folder) is not None


def check_written(folder: Path, fix: str = "Pass --out DIR.") -> None:
    """Refuse to write to such a model.

    Raises:
        UsageError: it is one.
    """
    if kind := _never_written(folder):
        raise UsageError(f"{kind} is not written to", seen=str(folder), allowed="a folder of your own", fix=fix)


def _never_written(folder: Path) -> str | None:
    """What kind of such a model it is."""
    place = Path(os.path.realpath(folder))
    if place.is_relative_to(os.path.realpath(BUNDLED)):
        return "a bundled model"
    return "a model of `videobert get`" if any(map(place.is_relative_to, got_places().values())) else None


def command(verb: str, folder: str | Path, rest: str = "") -> str:
    """`videobert VERB FOLDER…` as it can be typed here."""
    return f"`videobert {verb} {typed(folder)}{rest}`"


def typed(folder: str | Path) -> str:
    """A folder as it is typed: relative where it lies below the current one, quoted where a shell needs it."""
    try:
        here = Path.cwd()
    except OSError:  # the current folder is gone
        here = None
    path = Path(folder)
    if here is not None and path.is_relative_to(here) and path != here:
        path = path.relative_to(here)
    return shlex.quote(str(path))


def make_codebook(folder: str | Path, *, given: bool) -> str:
    """The way from a folder without a codebook to one that sees videos.

    Args:
        given: `ModelConfig.tokens_are_given`.
    """
    if given:
        return IMPORT_AGAIN
    return f"For video, run {command('cluster VIDEOS --model', folder)}, then {command('build', folder)}."


def mend(folder: Path, name: str) -> str:
    """What to do about the file `name` of the model in `folder`, which is missing or not what its manifest says.

    `videobert build` is named only where it makes the file anew, from weights that are there. All else can only be
    copied: no other file tells what stood in it.
    """
    if folder.is_relative_to(BUNDLED):
        return "Install videobert again: `pip install --force-reinstall --no-deps videobert`."
    if name_of_got := got_name(folder):
        return f"Run {get_command(name_of_got)}: it looks at what is here and makes a damaged model again."
    made_by_build = name == MANIFEST or name.startswith("graphs/")
    if made_by_build and (folder / WEIGHTS).is_file():
        return f"{_COPY}, or make {name} anew from {WEIGHTS} with {command('build', folder)}."
    return f"{_COPY}."


def accept_edit(folder: Path, name: str, content: bytes) -> str:
    """As `mend`, for a file that was changed; one that people edit may have been changed on purpose."""
    fix = mend(folder, name)
    if folder.is_relative_to(BUNDLED) or is_got(folder) or not name.endswith(".json"):
        return fix
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return fix
    return f"{fix} If you edited {name} yourself, {command('build', folder)} takes the change in."
