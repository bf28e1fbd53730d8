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

from videobert.base.errors import MismatchError, ModelError
from videobert.model.config import ModelConfig
from videobert.model.got import OBTAINABLE, get_command, got_folder, got_names
from videobert.model.mending import BUNDLED as BUNDLED
from videobert.model.mending import CODEBOOK, IMPORT_AGAIN, MANIFEST, WEIGHTS, accept_edit, command, make_codebook, mend
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import check_untrained
from videobert.model.weights_file import backbone_of

MANIFEST_VERSION = 1
CARD = "README.md"
_BUNDLED_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_JSON_BYTES = 1 << 20
_MOST_BYTES = {"config.json": _JSON_BYTES, "recipe.json": _JSON_BYTES, "tokenizer.json": 64 << 20}


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
    """The folder of a bundled model, of one that `videobert get` has put here, or the given folder.

    A bare name of the first two, in this order, wins over a folder of that name.

    Raises:
        ModelError: none of them exists.
        UntrustedError: it was got, and others could have changed it since.
    """
    text = str(name_or_folder)
    if isinstance(name_or_folder, str) and _BUNDLED_NAME.match(text):
        if os.path.isfile(BUNDLED / text / "config.json"):
            return BUNDLED / text
        got = got_folder(text)
        if got is not None:
            return got
    folder = Path(text)
    # `Path.is_dir` raises for a name that is too long, or lies in a folder that may not be looked into.
    if not os.path.isdir(text):
        raise _not_there(text)
    return folder


def _not_there(text: str) -> ModelError:
    if text in OBTAINABLE:
        return ModelError(
            f"the model {text} is not here yet: it is made of what others published and comes with no install",
            seen=text,
            fix=f"Run {get_command(text)}.",
        )
    there = ", ".join((*bundled_names(), *got_names())) or "none"
    others = ", ".join(name for name in OBTAINABLE if name not in got_names())
    return ModelError(
        "there is no such model",
        seen=text,
        allowed=f"a model folder, or a model that is here: {there}" + (f"; to be got: {others}" if others else ""),
        fix="Check the path.",
    )


class ModelFolder:
    """An opened model folder. Each file is checked against the manifest when it is read, and only then.

    Content that `read` gives is hashed each time; a file that others open by its path, once for as long as it is the
    same file.

    Attributes:
        hash: the first 16 hexadecimal digits of the sha256 of `manifest.json`; they name all files of the manifest.

    Args:
        name_or_folder: a bundled name such as `"shapes"`, one that was got such as `"everyday"`, or a folder.

    Raises:
        ModelError: the folder, `config.json`, `recipe.json` or `manifest.json` is missing or damaged.
    """

    def __init__(self, name_or_folder: str | Path) -> None:
        self.root = find(name_or_folder).resolve()
        self._digests, self.hash = _read_manifest(self.root)
        self.config = ModelConfig.from_json(self._json("config.json"))
        check_untrained(self.config)
        self.recipe = Recipe.from_json(self._json("recipe.json"))
        # Of each file that was hashed in place: its size, time and place on the disk then.
        self._verified: dict[str, tuple[int, int, int]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._digests

    @property
    def has_codebook(self) -> bool:
        """Whether there is a codebook; without one, the model reads text only."""
        return CODEBOOK in self or (self.root / CODEBOOK).exists()

    def names(self) -> tuple[str, ...]:
        """The files of the manifest."""
        return tuple(self._digests)

    def path(self, name: str) -> Path:
        """Where the file `name` of the manifest lies.

        Raises:
            ModelError: it is not in the manifest, missing, or a link that leads out of the folder.
        """
        if name not in self._digests:
            raise _not_listed(self.root, name)
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
            raise ModelError(f"{name} cannot be read", seen=str(error), fix=mend(self.root, name)) from error
        if len(content) > _MOST_BYTES.get(name, len(content)):
            raise ModelError(f"{name} is too large", allowed=f"{_MOST_BYTES[name]} bytes", fix=mend(self.root, name))
        self._compare(name, hashlib.sha256(content).hexdigest(), content)
        return content

    def verified_path(self, name: str) -> Path:
        """Like `path`, after checking the content, for readers that map the file themselves."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                state = (status.st_size, status.st_mtime_ns, status.st_ino)
                if self._verified.get(name) != state:
                    self._compare(name, hashlib.file_digest(file, "sha256").hexdigest())
                    self._verified[name] = state
        except OSError as error:
            raise ModelError(f"{name} cannot be read", seen=str(error), fix=mend(self.root, name)) from error
        return path

    def verify(self) -> None:
        """Check every file of the manifest; `videobert.load` checks only those it uses."""
        for name in self._digests:
            self.verified_path(name)

    def backbone_hash(self) -> str | None:
        """`backbone_hash` of the stored weights; None if the folder carries graphs only."""
        if WEIGHTS not in self:
            return None
        own = backbone_hash(backbone_of(self.path(WEIGHTS), fix=mend(self.root, WEIGHTS)))
        self.verified_path(WEIGHTS)
        return own

    def _compare(self, name: str, digest: str, content: bytes = b"") -> None:
        if digest != self._digests[name]:
            raise MismatchError(
                f"{name} is not the file that the manifest describes: it was damaged or changed",
                seen=f"sha256 {digest[:16]}…",
                allowed=f"sha256 {self._digests[name][:16]}…",
                fix=accept_edit(self.root, name, content),
            )

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self.read(name).decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{name} is not JSON", seen=str(error), fix=f"Correct it, then run {command('build', self.root)}."
            ) from error


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
    if not (root / MANIFEST).exists() and (root / "config.json").is_file():
        raise ModelError(
            f"this model folder has no {MANIFEST}: it was not built", seen=str(root), fix=_first_build(root)
        )
    path = _inside(root, MANIFEST)
    try:
        with path.open("rb") as file:
            content = file.read(_JSON_BYTES + 1)
        manifest = json.loads(content[:_JSON_BYTES].decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{MANIFEST} cannot be read", seen=str(error), fix=mend(root, MANIFEST)) from error
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("format") != MANIFEST_VERSION:
        raise ModelError(
            f"{MANIFEST} has a format that is not known",
            seen=manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__,
            allowed=MANIFEST_VERSION,
            fix=mend(root, MANIFEST),
        )
    for name, digest in files.items():
        _check_name(root, name)
        if not isinstance(digest, str) or not _DIGEST.match(digest):
            raise ModelError(f"{MANIFEST}: {name} has no sha256", seen=digest, fix=mend(root, MANIFEST))
    return dict(files), hashlib.sha256(content).hexdigest()[:16]


def _first_build(root: Path) -> str:
    if not (root / WEIGHTS).is_file():
        return mend(root, MANIFEST)
    config = _config_of(root)
    if (root / CODEBOOK).is_file() or (config is not None and not config.has_tokens):
        return f"Run {command('build', root)}."
    if config is not None and config.tokens_are_given:
        return f"{IMPORT_AGAIN} Then run {command('build', root)}."
    cluster = command("cluster VIDEOS --model", root)
    return f"Run {cluster}, then {command('build', root)}; the second alone makes a model that reads text only."


def _config_of(root: Path) -> ModelConfig | None:
    """The configuration; None where it cannot be read."""
    path = root / "config.json"
    try:
        return ModelConfig.read(path) if path.stat().st_size <= _JSON_BYTES else None
    except (ModelError, OSError, RecursionError):
        return None


def _not_listed(root: Path, name: str) -> ModelError:
    """A file that was asked for and is not in the manifest."""
    if (root / name).is_file():
        return ModelError(
            f"{name} lies in the model folder, and its manifest does not list it",
            seen=str(root),
            fix=f"If you put it there, run {command('build', root)}.",
        )
    if name == CODEBOOK:
        return no_codebook(root)
    return ModelError(f"the model folder has no {name}", seen=str(root), fix=mend(root, name))


def no_tokens(name: str) -> ModelError:
    """What is said where a model that works on features is asked for visual tokens."""
    return ModelError(
        f"{name} works on the features of clips: it has no codebook, and so no visual tokens",
        allowed="a video, or features that it made",
        fix="Ask for `features`, or give the video itself.",
        fix_cli="Use `videobert features`, or give the video itself.",
    )


def no_codebook(root: Path) -> ModelError:
    """What is said where a model that cannot see yet is asked about a video."""
    config = _config_of(root)
    return ModelError(
        "this model has no codebook yet, so it reads text only: nothing turns its clips into visual tokens",
        seen=str(root),
        fix=make_codebook(root, given=config is not None and config.tokens_are_given),
    )


def _check_name(root: Path, name: str) -> None:
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
        raise ModelError(f"{MANIFEST} names a file outside the folder", seen=name, fix=mend(root, MANIFEST))


def _inside(root: Path, name: str) -> Path:
    _check_name(root, name)
    try:
        path = (root / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the model folder has no {name}", seen=str(root), fix=mend(root, name)) from error
    if not path.is_relative_to(root) or not path.is_file():
        raise ModelError(f"{name} is not a file inside the model folder", seen=str(path), fix=mend(root, name))
    return path
