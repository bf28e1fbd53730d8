"""`int8.json`: the stages of a model that `precision="int8"` runs on 8-bit values, and what that was seen to cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.arguments import as_number, as_whole, described
from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph, stages_of
from videobert.model.int8_points import known_point
from videobert.model.int8_ranges import INT8_FORMAT, Int8Ranges, int8_ranges
from videobert.model.mending import command

INT8_FILE = "int8.json"
# Whole clips that ranges are observed and judged on, at least.
LEAST_INT8_CLIPS = 16
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Judged:
    """What int8 was seen to cost on clips that its ranges were not observed on.

    Args:
        clips: how many there were.
        same: of how many the token is fp32's.
        sure, sure_same: the same of those clips whose feature in fp32 is farther from a tie than 0.5 % of its length.
        error: median distance of a feature to fp32's, as a share of its length.
    """

    clips: int
    same: int
    sure: int
    sure_same: int
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Model:
    """The stages, and what they were judged by; None where nobody says."""

    stages: Mapping[str, Int8Ranges]
    judged: Int8Judged | None = None

    def to_json(self) -> dict[str, Any]:
        """What `int8.json` holds."""
        stages = {stage: ranges.to_json() for stage, ranges in self.stages.items()}
        judged = None if self.judged is None else dataclasses.asdict(self.judged)
        return {"format": INT8_FORMAT, "stages": stages, "judged": judged}


def int8_model(folder: ModelFolder) -> Int8Model:
    """What a folder's `int8.json` holds, or without one what is known of the model.

    Raises:
        ModelError: there is none, it is damaged, or it was made for other graphs.
    """
    if INT8_FILE in folder:
        return _read(folder, folder.read(INT8_FILE))
    known = known_point(folder)
    if known is None:
        seen = f"no {INT8_FILE} in {folder.root}"
        raise ModelError("this model was never made ready for int8", seen=seen, fix=_again(folder))
    return _read(folder, known.content())


def int8_of_auto(folder: ModelFolder) -> Int8Model | None:
    """What precision `"auto"` runs on 8-bit values: of models that are known to be as right so, whatever their
    `int8.json` says; None of others.
    """
    known = known_point(folder)
    return None if known is None or not known.holds else _read(folder, known.content())


def _again(folder: ModelFolder) -> str:
    return f"Make it on clips of yours: {command('build', folder.root, ' --precision int8 --clips VIDEO')}."


def _read(folder: ModelFolder, content: bytes) -> Int8Model:
    again = _again(folder)
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes")
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{INT8_FILE} is not JSON", seen=str(error), fix=again) from error
    stages = found.get("stages") if isinstance(found, dict) else None
    if not isinstance(stages, dict) or not stages or found.get("format") != INT8_FORMAT:
        raise ModelError(f"{INT8_FILE} has a format that is not known", allowed=INT8_FORMAT, fix=again)
    known = stages_of(folder.config)
    ranges = {}
    for stage, each in stages.items():
        ranges[stage] = int8_ranges(each)
        name = portable_graph(stage)
        if stage not in known or name not in folder or ranges[stage].graph != folder.digest(name):
            raise ModelError(f"{INT8_FILE} was made for other graphs than this folder's", seen=stage, fix=again)
    return Int8Model(stages=ranges, judged=_judged(found.get("judged"), again))


def write_int8_model(folder: Path, model: Int8Model) -> None:
    """Write `int8.json`; the manifest is not touched."""
    text = json.dumps(model.to_json(), indent=1) + "\n"
    write_atomically(folder / INT8_FILE, lambda path: path.write_text(text, encoding="utf-8"))


def _judged(found: object, fix: str) -> Int8Judged | None:
    if found is None:
        return None
    counts = {name: as_whole(found.get(name)) if isinstance(found, dict) else None for name in _COUNTS}
    error = as_number(found.get("error")) if isinstance(found, dict) else None
    if error is None or any(value is None or value < 0 for value in counts.values()):
        raise ModelError(f"{INT8_FILE}: judged is not what it must be", seen=described(found), fix=fix)
    return Int8Judged(error=error, **counts)  # type: ignore[arg-type]


_COUNTS = ("clips", "same", "sure", "sure_same")
