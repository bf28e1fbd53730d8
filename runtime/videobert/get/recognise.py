"""Which file is which archive, told by their sha256 alone: names and order do not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from videobert.base.errors import InputError, ObtainError
from videobert.get.archives import check_archive, sha256_of
from videobert.get.catalogue import Source

MOST_FILES = 10_000


def recognise(given: Sequence[Path], sources: Sequence[Source]) -> dict[str, Path]:
    """The archive of each source, by package, among files and folders; what else a folder holds is passed over.

    Raises:
        MismatchError: a file has the name of an archive and is another.
        InputError: a file is none of the archives, or cannot be read.
        ObtainError: one of the archives is missing.
    """
    by_digest = {source.sha256: source for source in sources}
    sizes = {source.size_bytes for source in sources}
    by_name = {source.file_name: source for source in sources}
    found: dict[str, Path] = {}
    for path, named in _files(given):
        try:
            # The size first: what is larger or smaller need not be read.
            source = by_digest.get(sha256_of(path)) if path.stat().st_size in sizes else None
            if source is not None:
                found.setdefault(source.package, path)
            elif path.name in by_name:
                check_archive(path, by_name[path.name])
            elif named:
                raise InputError(
                    f"{path.name} is none of the files that this model is made of",
                    seen=str(path),
                    allowed=", ".join(by_name),
                    fix="Leave it out.",
                )
        except OSError as error:
            raise InputError(
                f"{path.name} cannot be read", seen=f"{path}: {error.strerror or error}", fix="Check the path."
            ) from error
    missing = [source for source in sources if source.package not in found]
    if missing:
        raise ObtainError(
            "not all files that this model is made of are there",
            seen=", ".join(path.name for path in found.values()) or "none of them",
            allowed=", ".join(by_name),
            fix=f"Add {', '.join(f'{each.file_name} (package {each.package} {each.version})' for each in missing)}.",
        )
    return found


def _files(given: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file that may be one of them, and whether the user has named it."""
    for path in given:
        if not path.is_dir():
            yield path, True
            continue
        for count, each in enumerate(sorted(path.iterdir())):
            if count >= MOST_FILES:
                raise InputError(
                    "this folder has too many files to look for archives in",
                    seen=str(path),
                    allowed=f"at most {MOST_FILES}",
                    fix="Name the files.",
                )
            if each.is_file():
                yield each, False
