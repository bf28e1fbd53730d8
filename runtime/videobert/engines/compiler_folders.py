"""Where the compilers that come with torch keep what they make: in our cache folder, not in folders of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from videobert.base.user_cache import cache_folder, check_owned, own_folder

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
            folders = {name: base / folder for name, folder in _FOLDERS.items()}
            own_folder(base)
            for folder in folders.values():
                # What lies there is code: a folder that others may write to is not used.
                if folder.exists():
                    check_owned(folder.stat())
            os.environ.update({name: str(folders[name]) for name, value in before.items() if value is None})
    except OSError:
        pass
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                # torch names its folder here itself when it is imported, for good.
                os.environ.pop(name, None)
