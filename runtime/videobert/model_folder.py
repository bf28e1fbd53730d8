"""A model folder on disk: finding it, checking its manifest, reading its files safely."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.config import ModelConfig
from videobert.errors import MismatchError, ModelError
from videobert.recipe import Recipe

MANIFEST_VERSION = 1
BUNDLED = Path(__file__).parent / "bundled"
CARD = "README.md"
_BUNDLED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_JSON_BYTES = 1 << 20
_MOST_BYTES = {"config.json": _JSON_BYTES, "recipe.json": _JSON_BYTES, "tokenizer.json": 64 << 20}
_REBUILD = "Export the model folder again with `videobert build`."


def backbone_hash(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """16 hexadecimal digits that name a backbone's weights.

    Covers names (a leading `backbone.` is ignored), shapes and values rounded to float16, as model folders store
    them, so float32 weights and their stored form hash alike. Integer tensors are counters, not weights, and are
    left out.
    """
    digest = hashlib.sha256()
    named = {name.removeprefix("backbone."): value for name, value in tensors.items()}
    for name in sorted(named):
        value = np.asarray(named[name])
        if value.dtype.kind != "f":
            continue
        with np.errstate(over="ignore"):
            stored = np.ascontiguousarray(value, dtype="<f2")
        digest.update(f"{name} {value.shape}\n".encode())
        digest.update(stored.tobytes())
    return digest.hexdigest()[:16]


def bundled_names() -> tuple[str, ...]:
    """Models that came with the install."""
    return tuple(sorted(folder.parent.name for folder in BUNDLED.glob("*/config.json")))


def find(name_or_folder: str | Path) -> Path:
    """The folder of a bundled model, or the given folder. A bare bundled name wins over a folder of that name.

    Raises:
        ModelError: neither exists.
    """
    text = str(name_or_folder)
    if isinstance(name_or_folder, str) and _BUNDLED_NAME.match(text) and os.path.isfile(BUNDLED / text / "config.json"):
        return BUNDLED / text
    folder = Path(text)
    # `Path.is_dir` raises for a name that is too long, or lies in a folder that may not be looked into.
    if not os.path.isdir(text):
        raise ModelError(
            "there is no such model",
            seen=text,
            allowed=f"a model folder, or a bundled model: {', '.join(bundled_names()) or 'none in this install'}",
            fix="Check the path.",
        )
    return folder


class ModelFolder:
    """An opened model folder. Each file is checked against the manifest when it is read, and only then.

    Attributes:
        hash: the first 16 hexadecimal digits of the sha256 of `manifest.json`; they name all files of the manifest.

    Args:
        name_or_folder: a bundled name such as `"shapes"`, or a folder.

    Raises:
        ModelError: the folder, `config.json`, `recipe.json` or `manifest.json` is missing or damaged.
    """

    def __init__(self, name_or_folder: str | Path) -> None:
        self.root = find(name_or_folder).resolve()
        self._digests, self.hash = _read_manifest(self.root)
        self.config = ModelConfig.from_json(self._json("config.json"))
        self.recipe = Recipe.from_json(self._json("recipe.json"))

    def __contains__(self, name: str) -> bool:
        return name in self._digests

    def names(self) -> tuple[str, ...]:
        """The files of the manifest."""
        return tuple(self._digests)

    def path(self, name: str) -> Path:
        """Where the file `name` of the manifest lies.

        Raises:
            ModelError: it is not in the manifest, missing, or a link that leads out of the folder.
        """
        if name not in self._digests:
            raise ModelError(f"the model folder has no {name}", seen=str(self.root), fix=_REBUILD)
        return _inside(self.root, name)

    def digest(self, name: str) -> str:
        """The sha256 that the manifest gives for `name`."""
        self.path(name)
        return self._digests[name]

    def read(self, name: str) -> bytes:
        """The checked content of the file `name`.

        Raises:
            ModelError: see `path`; or it cannot be read, is a text too large, or differs from what the manifest says.
        """
        path = self.path(name)
        try:
            with path.open("rb") as file:
                content = file.read(_MOST_BYTES[name] + 1 if name in _MOST_BYTES else -1)
        except OSError as error:
            raise ModelError(f"{name} cannot be read", seen=str(error), fix=_REBUILD) from error
        if len(content) > _MOST_BYTES.get(name, len(content)):
            raise ModelError(f"{name} is too large", allowed=f"{_MOST_BYTES[name]} bytes", fix=_REBUILD)
        self._compare(name, hashlib.sha256(content).hexdigest())
        return content

    def verified_path(self, name: str) -> Path:
        """Like `path`, after checking the content, for readers that map the file themselves."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                self._compare(name, hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise ModelError(f"{name} cannot be read", seen=str(error), fix=_REBUILD) from error
        return path

    def verify(self) -> None:
        """Check every file of the manifest; `videobert.load` checks only those it uses."""
        for name in self._digests:
            self.verified_path(name)

    def backbone_hash(self) -> str | None:
        """`backbone_hash` of the stored weights; None if the folder carries graphs only."""
        if "model.safetensors" not in self:
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path("model.safetensors"), framework="numpy") as file:
                names = list(file.keys())
                return backbone_hash({n: file.get_tensor(n) for n in names if n.startswith("backbone.")})
        except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # numpy has no float8
            raise ModelError("model.safetensors cannot be read", seen=str(error), fix=_REBUILD) from error

    def _compare(self, name: str, digest: str) -> None:
        if digest != self._digests[name]:
            raise MismatchError(
                f"{name} is not the file that the manifest describes",
                seen=f"sha256 {digest[:16]}…",
                allowed=f"sha256 {self._digests[name][:16]}…",
                fix="Restore the file, or export the folder again with `videobert build` if the change was meant.",
            )

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self.read(name).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{name} is not JSON", seen=str(error), fix=_REBUILD) from error


def own_place(root: Path, name: str) -> Path:
    """The folder `name` of a model folder, to write and delete in; it need not exist.

    Raises:
        ModelError: it is a link or lies behind one: what that leads to is not the model folder's.
    """
    path = root
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise ModelError(
                f"{path.relative_to(root)} of the model folder is a link, and nothing is written through it",
                seen=f"{path} -> {path.readlink()}",
                allowed="a folder of its own",
                fix="Remove the link, or pass --out DIR.",
            )
    return path


def _read_manifest(root: Path) -> tuple[dict[str, str], str]:
    """The digests in `manifest.json`, and what names it."""
    path = _inside(root, "manifest.json")
    try:
        with path.open("rb") as file:
            content = file.read(_JSON_BYTES + 1)
        manifest = json.loads(content[:_JSON_BYTES].decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("manifest.json cannot be read", seen=str(error), fix=_REBUILD) from error
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("format") != MANIFEST_VERSION:
        raise ModelError(
            "manifest.json has a format that is not known",
            seen=manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__,
            allowed=MANIFEST_VERSION,
            fix=_REBUILD,
        )
    for name, digest in files.items():
        _check_name(name)
        if not isinstance(digest, str) or not _DIGEST.match(digest):
            raise ModelError(f"manifest.json: {name} has no sha256", seen=digest, fix=_REBUILD)
    return dict(files), hashlib.sha256(content).hexdigest()[:16]


def _check_name(name: str) -> None:
    parts = PurePosixPath(name).parts
    safe = (
        0 < len(name) <= 255
        and name.isprintable()
        and "\\" not in name
        and not name.startswith("/")
        and ".." not in parts
        and name == "/".join(parts)
    )
    if not safe:
        raise ModelError("manifest.json names a file outside the folder", seen=name, fix=_REBUILD)


def _inside(root: Path, name: str) -> Path:
    _check_name(name)
    try:
        path = (root / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the model folder has no {name}", seen=str(root), fix=_REBUILD) from error
    if not path.is_relative_to(root) or not path.is_file():
        raise ModelError(f"{name} is not a file inside the model folder", seen=str(path), fix=_REBUILD)
    return path
