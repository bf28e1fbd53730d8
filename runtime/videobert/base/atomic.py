"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# How Rust's standard library words an error of the system, which safetensors raises as an error of its own.
_NUMBERED = re.compile(r"\(os error (\d+)\)")


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """What a library in Rust says of a full disk or a missing permission, as the OSError that it is.

    Args:
        path: what is being written, for the error.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if (told := _NUMBERED.search(str(error))) is None:
            raise
        number = int(told[1])
        raise OSError(number, os.strerror(number), str(path)) from error


def write_atomically(path: Path, write: Callable[[Path], object], *, mode: int = 0o666) -> None:
    """Let `write` fill a new file beside `path`, then put it in its place; a failure leaves what was there before.

    Args:
        mode: permissions of the file, less those that the umask takes away.

    Raises:
        OSError: it cannot be written; whatever `write` raises.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    os.close(handle)
    try:
        with system_errors(path):
            write(Path(name))
        os.chmod(name, mode & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: what can fail, for want of room, fails before the first of them is replaced."""
    new: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
            new[path] = Path(name)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, 0o666 & ~_umask())
        for path in list(new):
            os.replace(new[path], path)
            del new[path]
    finally:
        for left in new.values():
            left.unlink(missing_ok=True)


def new_folder_atomically(folder: Path, fill: Callable[[Path], object]) -> None:
    """Let `fill` write a new folder beside `folder`, then put it in its place; a failure leaves nothing behind.

    Raises:
        OSError: it cannot be written, or something other than an empty folder lies there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:64]}."))
    try:
        with system_errors(folder):
            fill(new)
        new.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def work_folder(above: Path, name: str) -> Path:
    """A new folder of one's own beside the place that its content will be moved to: `above/.name.…`.

    The caller takes it away, and what a process that was killed has left.
    """
    return Path(tempfile.mkdtemp(dir=above, prefix=f".{name}."))


def _umask() -> int:
    # Python can only read the mask by setting it; /proc tells it without the race.
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    except OSError:
        pass
    return 0o077
