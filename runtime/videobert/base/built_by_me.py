"""Engines and kernels that this user built: the only ones that are loaded without being told to.

Compiled code does what it likes, and the files of a downloaded folder belong to whoever unpacked them: neither owner
nor hash says who compiled them. So a build leaves the digest of its sidecar, which holds the hashes of everything that
the sidecar describes, in a folder of the cache that this user alone can write to.
"""

from __future__ import annotations

import contextlib

from videobert.base.errors import UntrustedError
from videobert.base.user_cache import cache_folder, check_owned, own_folder

_NAME = "built"


def remember(digest: str) -> None:
    """Note that this user built what the sidecar with this sha256 describes.

    Without a cache folder nothing is noted; `require` says so.
    """
    cache = cache_folder()
    if cache is not None:
        with contextlib.suppress(OSError):
            (own_folder(own_folder(cache) / _NAME) / digest).touch(mode=0o600)


def require(digest: str, what: str, *, trusted: bool) -> None:
    """Go on only with what this user built.

    Args:
        digest: sha256 that a sidecar has over itself, compared with its content already.
        what: the sidecar's place, for the error.
        trusted: the caller vouches for whoever built it.

    Raises:
        UntrustedError: someone else built it, or it is not known who.
    """
    if trusted:
        return
    try:
        if _remembered(digest):
            return
        seen = what
    except OSError as error:
        seen = f"{what}, and builds are not remembered: {error}"
    raise UntrustedError(
        "compiled engines and kernels are code, and it is not known who built these",
        seen=seen,
        allowed="those that you built here",
        fix="Build them here with `videobert build`, or, if you trust whoever built them, pass trust_engines=True "
        "(command line: --trust-engines).",
    )


def _remembered(digest: str) -> bool:
    """Raises OSError where there is no cache folder, or others could change it."""
    cache = cache_folder()
    if cache is None:
        raise FileNotFoundError("this user has no home folder")
    for folder in (cache, cache / _NAME):
        if not folder.exists():
            return False
        check_owned(folder.stat())
    return (cache / _NAME / digest).exists()
