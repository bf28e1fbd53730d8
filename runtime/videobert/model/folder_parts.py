"""The files of a model folder one by one, whatever state it is in: what is there, what is missing, what is damaged."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from videobert.model.folder import MANIFEST_VERSION

MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 1 << 20
# Files named in one problem.
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What keeps a model folder from being used, or a part of it: `what` is wrong, and one next step."""

    what: str
    fix: str


class FolderParts:
    """The files of one folder. Unlike `ModelFolder` it goes on where one is missing, and keeps what it found wrong.

    Attributes:
        root: the folder.
        problems: in the order in which they were found.

    Args:
        root: an existing folder.
        rebuild, restore: next steps: for what `videobert build` makes, and for what can only be copied.
    """

    def __init__(self, root: Path, *, rebuild: str, restore: str) -> None:
        self.root = root.resolve()
        self.problems: list[Problem] = []
        self._about: set[str] = set()
        self._rebuild, self._restore = rebuild, restore
        self._digests = self._manifest()

    @property
    def finished(self) -> bool:
        """Whether there is a manifest, which `videobert.load` needs."""
        return self._digests is not None

    def has(self, name: str) -> bool:
        """Whether the file is there, inside the folder."""
        path = self.root / name
        return path.is_file() and path.resolve().is_relative_to(self.root)

    def sound(self, *names: str) -> bool:
        """Whether these files are there, and nothing was found wrong with them so far."""
        return all(self.has(name) and name not in self._about for name in names)

    def size_bytes(self, name: str) -> int:
        """Size of a file that is there."""
        return (self.root / name).stat().st_size

    def weights_hash(self) -> str | None:
        """See `Origin.weights`; None without a manifest."""
        if not self.finished:
            return None
        return hashlib.sha256((self.root / MANIFEST).read_bytes()).hexdigest()[:16]

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """The content of a file; None, and a problem unless it is just missing, if it cannot be had."""
        if not self.has(name):
            return None
        try:
            with (self.root / name).open("rb") as file:
                content = file.read(most_bytes + 1)
        except OSError as error:
            self.add(f"{name} cannot be read: {error.strerror}", "Check its permissions.", name)
            return None
        if len(content) > most_bytes:
            self.add(f"{name} is larger than {most_bytes} bytes", self._restore, name)
            return None
        return content

    def check(self) -> None:
        """Compare the files of the manifest with their sha256: one that is missing or was changed becomes a problem.

        A file that a problem is about already gets no second one.
        """
        missing: dict[str, list[str]] = {}
        for name, digest in (self._digests or {}).items():
            if name in self._about:
                continue
            fix = self._rebuild if name.startswith("graphs/") else self._restore
            if not self.has(name):
                missing.setdefault(fix, []).append(name)
                continue
            try:
                with (self.root / name).open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                self.add(f"{name} cannot be read: {error.strerror}", "Check its permissions.", name)
                continue
            if found != digest:
                self.add(f"{name} is damaged or was changed: it is not the file of the manifest", fix, name)
        for fix, names in missing.items():
            first = ", ".join(names[:_MOST_NAMED]) + (
                f" and {len(names) - _MOST_NAMED} more" * (len(names) > _MOST_NAMED)
            )
            self.add(f"missing, though the manifest lists it: {first}", fix, *names)

    def add(self, what: str, fix: str, *names: str) -> None:
        """Keep a problem, about the files of these names."""
        self.problems.append(Problem(what=what, fix=fix))
        self._about.update(names)

    def _manifest(self) -> dict[str, str] | None:
        content = self.read(MANIFEST, _MOST_MANIFEST_BYTES)
        if content is None:
            if not self.problems:
                self.add("manifest.json is missing: the folder is not finished", self._rebuild)
            return None
        try:
            manifest = json.loads(content)
            files = manifest["files"]
            if manifest["format"] != MANIFEST_VERSION or not all(_safe(name) for name in files):
                raise ValueError("it is not a manifest of this format")
            return {str(name): str(digest) for name, digest in files.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.add("manifest.json is damaged", self._rebuild)
            return None


def _safe(name: str) -> bool:
    """Whether a name of the manifest stays inside the folder."""
    path = PurePosixPath(name)
    return name.isprintable() and not path.is_absolute() and ".." not in path.parts and "\\" not in name
