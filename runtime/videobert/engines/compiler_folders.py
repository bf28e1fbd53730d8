"""Where the compilers that come with torch keep what they make: in our cache folder, not in folders of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from videobert.base.user_cache import cache_folder, own_folder

# Read by torch's compiler when it is imported, and by Triton whenever it compiles a kernel.
_FOLDERS = {"TORCHINDUCTOR_CACHE_DIR": "torch", "TRITON_CACHE_DIR": "triton"}


@contextmanager
def compiler_folders(cache_dir: Path | None) -> Iterator[None]:
    """While it lasts, torch's compiler and Triton find their folders below ours, unless the user named others.

    Args:
        cache_dir: our cache folder; None for the user's. Where it cannot be used, the compilers keep their own.
    """
    base = cache_folder() if cache_dir is None else cache_dir
    before = {name: os.environ.get(name) for name in _FOLDERS}
    try:
        if base is not None:
            own_folder(base)
            for name, folder in _FOLDERS.items():
                if before[name] is None:
                    _use(name, base / folder)
    except OSError:
        pass
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                # torch names its folder here itself when it is imported, for good.
                os.environ.pop(name, None)


def _use(name: str, folder: Path) -> None:
    """Names a folder to a compiler. What lies there is code: one that others may write to is not used.

    Made here, so that it is private whatever the umask: a compiler would make it as the umask says.
    """
    with suppress(OSError):
        os.environ[name] = str(own_folder(folder))
