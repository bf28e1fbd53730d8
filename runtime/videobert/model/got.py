"""Models that `videobert get` has put on this machine: where they lie, and what can be had."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from videobert.base.errors import UntrustedError
from videobert.base.user_cache import writable_by_others

PLACE_VARIABLE = "VIDEOBERT_MODELS"
# What is typed after `videobert get`, by the name of the model; `videobert.get.catalogue` tells the rest.
OBTAINABLE = {"everyday": "everyday", "everyday-best": "everyday --quality best"}


def get_command(name: str) -> str:
    """The command that obtains a model, as it can be typed."""
    return f"`videobert get {OBTAINABLE[name]}`"


def models_folder() -> Path | None:
    """Where such models lie, whether it exists or not; None for a user who has no home.

    `$VIDEOBERT_MODELS`, else `videobert/models` in `$XDG_DATA_HOME`, else in `~/.local/share`.
    """
    own = os.environ.get(PLACE_VARIABLE, "")
    if own:
        return Path(own).absolute()
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification says to ignore a relative path.
    if os.path.isabs(base):
        return Path(base) / "videobert" / "models"
    try:
        return Path.home() / ".local" / "share" / "videobert" / "models"
    except RuntimeError:
        return None


def got_names() -> tuple[str, ...]:
    """Models that lie there, trusted or not."""
    folder = models_folder()
    return () if folder is None else tuple(name for name in OBTAINABLE if os.path.isfile(folder / name / "config.json"))


def got_folder(name: str) -> Path | None:
    """The folder of a model that was obtained; None if it is not there.

    Raises:
        UntrustedError: others than this user and root could have put something in its place.
    """
    above = models_folder()
    if above is None or name not in got_names():
        return None
    folder = above / name
    for place in (above, folder):
        status = place.stat()
        if writable_by_others(status, or_root=True):
            raise UntrustedError(
                "others could have changed this model: a model that is asked for by its name must be this user's own",
                seen=f"{place}: mode {stat.filemode(status.st_mode)}, owner {status.st_uid}",
                allowed="owned by this user or root, and nobody else may write to it",
                fix=f"Run `chmod go-w {place}` if the folder is yours, or name the model by its path.",
            )
    return folder


def got_places() -> dict[str, Path]:
    """Where each model that can be had is, or would be, by its name; links are followed."""
    above = models_folder()
    return {} if above is None else {name: Path(os.path.realpath(above / name)) for name in OBTAINABLE}


def got_name(folder: Path) -> str | None:
    """The name under which `videobert get` makes a folder; None of any other."""
    place = Path(os.path.realpath(folder))
    return next((name for name, got in got_places().items() if got == place), None)


def is_got(folder: Path) -> bool:
    """Whether a folder is one that `videobert get` makes."""
    return got_name(folder) is not None
