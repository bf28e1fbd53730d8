"""Which compiled code may be loaded: one policy for engines, kernels and what is kept in caches.

Compiled code does what it likes, so two things must hold, and every loader asks here for both:

1. Nobody else could have changed it. Its file is a plain one, not a link, that belongs to this user or to root and that
   nobody else may write to. In a cache it belongs to this very user.
2. This user built it, or vouches for whoever did. The files of a downloaded folder belong to whoever unpacked them:
   neither owner nor hash says who compiled them. So a build leaves the digest of its sidecar, which holds the hashes of
   everything that the sidecar describes, in a folder of the cache that this user alone can write to. What lies in a
   cache needs no such note: the folder is this user's alone, and who names another cache folder vouches for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from videobert.base.errors import MismatchError, ModelError, UntrustedError
from videobert.base.user_cache import cache_folder, check_owned, own_folder, writable_by_others

_BUILDS = "built"
_DIGEST = re.compile("[0-9a-f]{64}")


@contextmanager
def opened_code(path: Path, *, in_cache: bool = False) -> Iterator[BinaryIO]:
    """The opened file, closed afterwards.

    Args:
        in_cache: it was put there by this user's own programs, so that not even root's will do.

    Raises:
        OSError: it cannot be read, or is not as the policy says.
    """
    # Nonblocking, so that a pipe in its place cannot hold us up.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"mode {stat.filemode(status.st_mode)}: not a plain file")
        if writable_by_others(status, or_root=not in_cache):
            raise PermissionError(
                f"mode {stat.filemode(status.st_mode)}, owner {status.st_uid}: others could have changed this file"
            )
        yield file


def read_code(path: Path, most_bytes: int, rebuild: str) -> bytes:
    """The whole file.

    Args:
        most_bytes: more is an error.
        rebuild: the next step, in words.

    Raises:
        ModelError: it is missing, or not as the policy says.
        MismatchError: it is larger than `most_bytes`.
    """
    try:
        with opened_code(path) as file:
            content = file.read(min(most_bytes, os.fstat(file.fileno()).st_size) + 1)
    except FileNotFoundError as error:
        raise ModelError(f"{path.name} is missing", fix=rebuild) from error
    except OSError as error:
        raise ModelError(
            f"{path.name} cannot be used: compiled engines and kernels are code",
            seen=str(error),
            allowed="a plain file of your own or of root, which nobody else may write to",
            fix=f"{rebuild} Or make it yours alone: chmod go-w.",
        ) from error
    if len(content) > most_bytes:
        raise MismatchError(f"{path.name} is larger than it should be", allowed=f"{most_bytes} bytes", fix=rebuild)
    return content


def sidecar_digest(fields: Mapping[str, Any]) -> str:
    """sha256 of all that a sidecar says but this digest: it carries it itself, and a build leaves it as a note."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def remember_build(digest: str) -> None:
    """Note that this user built what the sidecar with this sha256 describes.

    Without a cache folder nothing is noted; `require_own_build` says so.
    """
    cache = cache_folder()
    if cache is not None:
        with contextlib.suppress(OSError):
            (own_folder(own_folder(cache) / _BUILDS) / digest).touch(mode=0o600)


def is_own_build(digest: str) -> bool:
    """Whether this user built what the sidecar with this sha256 describes, as far as is known."""
    try:
        return _is_noted(digest)
    except OSError:
        return False


def require_own_build(digest: str, what: str, *, trusted: bool) -> None:
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
        if _is_noted(digest):
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


def _is_noted(digest: str) -> bool:
    """Raises OSError where there is no cache folder, or others could change it."""
    if not _DIGEST.fullmatch(digest):
        return False
    cache = cache_folder()
    if cache is None:
        raise FileNotFoundError("this user has no home folder")
    for folder in (cache, cache / _BUILDS):
        if not folder.exists():
            return False
        check_owned(folder.stat())
    return (cache / _BUILDS / digest).exists()
