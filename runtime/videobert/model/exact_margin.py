"""`exact.json`: how near to a tie a clip's feature in bf16 must lie to be computed again in fp32.

A folder holds it where `videobert build --clips` has measured it; of models that come with the install it is known. It
belongs to one backbone and one codebook.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.arguments import as_number, as_whole, described
from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.known_margins import KNOWN_MARGINS
from videobert.model.mending import command
from videobert.model.stage_lists import BACKBONE

EXACT_FILE = "exact.json"
EXACT_FORMAT = 1
# Beyond what any of its numbers can be.
_MOST = 1e15
# Whole clips that a margin is measured on, at least: fewer tell nothing.
LEAST_EXACT_CLIPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactMargin:
    """When a clip is computed again.

    Args:
        backbone: sha256 of the backbone's portable graph.
        codebook: `Codebook.hash`.
        flat, tree: margins, as shares of a feature's length, below which a token that is assigned so is not sure; None
            of a codebook without a tree.
        clips: how many it was measured on.
        again: share of those that it computes again.
        left: share of tokens that are expected to differ from fp32's even so.
    """

    backbone: str
    codebook: str
    flat: float
    tree: float | None
    clips: int
    again: float
    left: float

    def to_json(self) -> dict[str, Any]:
        """What `exact.json` holds."""
        names = ("backbone", "codebook", "flat", "tree", "clips", "again", "left")
        return {"format": EXACT_FORMAT} | {name: getattr(self, name) for name in names}

    def of(self, method: str) -> float:
        """The margin of a way of assigning tokens."""
        return self.flat if method == "flat" or self.tree is None else self.tree


def exact_margin(folder: ModelFolder, codebook: str) -> ExactMargin:
    """The margin of a model: the folder's own, else the one that is known of its backbone and codebook.

    Args:
        codebook: `Codebook.hash` of the folder's.

    Raises:
        ModelError: there is none, it is damaged, or it belongs to another backbone or codebook.
    """
    backbone = folder.digest(portable_graph(BACKBONE))
    again = f"Measure it on clips of yours: {command('build', folder.root, ' --clips VIDEO')}, or use precision auto."
    if EXACT_FILE in folder:
        found = _parse(folder.read(EXACT_FILE), again)
        if (found.backbone, found.codebook) != (backbone, codebook):
            raise ModelError(
                f"{EXACT_FILE} was measured with another backbone or codebook than this folder's",
                seen=f"{found.backbone[:16]}, {found.codebook}",
                allowed=f"{backbone[:16]}, {codebook}",
                fix=again,
            )
        return found
    for known in KNOWN_MARGINS:
        if (known["backbone"], known["codebook"]) == (backbone, codebook):
            return _checked(known, again)
    raise ModelError(
        "nobody has measured how near to a tie this model's clips must lie to be computed again, as exact needs it",
        seen=f"no {EXACT_FILE} in {folder.root}",
        fix=again,
    )


def write_exact_margin(folder: Path, margin: ExactMargin) -> None:
    """Write `exact.json`; the manifest is not touched."""
    text = json.dumps(margin.to_json(), indent=1) + "\n"
    write_atomically(folder / EXACT_FILE, lambda path: path.write_text(text, encoding="utf-8"))


def _parse(content: bytes, fix: str) -> ExactMargin:
    try:
        found = json.loads(content[: 1 << 16].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{EXACT_FILE} is not JSON", seen=str(error), fix=fix) from error
    return _checked(found, fix)


def _checked(found: object, fix: str) -> ExactMargin:
    if not isinstance(found, dict) or found.get("format") != EXACT_FORMAT:
        raise ModelError(f"{EXACT_FILE} has a format that is not known", allowed=EXACT_FORMAT, fix=fix)
    texts = {name: found.get(name) for name in ("backbone", "codebook")}
    shares = {name: as_number(found.get(name)) for name in ("flat", "tree", "again", "left")}
    clips = as_whole(found.get("clips"))
    for name, value in (*texts.items(), *shares.items(), ("clips", clips)):
        wrong = (
            not isinstance(value, str)
            if name in texts
            # Python compares whole numbers of any size, but makes no float of all of them.
            else not (value is not None and 0 <= value <= _MOST and math.isfinite(value))
        )
        if wrong and not (name == "tree" and found.get("tree") is None):
            raise ModelError(f"{EXACT_FILE}: {name} is not what it must be", seen=described(found.get(name)), fix=fix)
    return ExactMargin(clips=clips or 0, **texts, **shares)  # type: ignore[arg-type]
