"""What a file of results must be, checked without any package: whoever reads one can rely on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.gpu.record import FORMAT, NOT_MEASURED, OPEN, state_of

STATES: Final = ("done", "failed", "ended", "left", "absent")
KINDS: Final = ("correctness", "figures", "probes")
ANY_VERDICT: Final = {NOT_MEASURED, "ended", "failed", "absent"}
VERDICTS: Final = {
    "correctness": ANY_VERDICT | {"passed", "dry run"},
    "figures": ANY_VERDICT
    | {"met", "missed", "no bar", "open: a rival failed", "no rival was timed", "dry run", "parity is red"},
    "probes": ANY_VERDICT | {"found", "dry run", "parity is red"},
}
_TIMED: Final = {"met", "missed", "no bar", "open: a rival failed", "no rival was timed"}
_ENVIRONMENT: Final = ("date", "commit", "sources", "device", "driver", "clocks", "python", "torch", "triton", "numpy")
_RUN: Final[dict[str, type | tuple[type, ...]]] = {"date": str, "minutes": (int, float), "ended": str}
_SPEEDS: Final = ("_ms", "_us", "_s", "per_s", "speed", "ratio", "fps")


def problems(result: Any) -> list[str]:
    """What is wrong with a result, in words with the place; nothing where all is right."""
    return list(_of_result(result))


def speeds(value: Any, place: str = "") -> Iterator[str]:
    """Places of a row that hold a time, a rate or a ratio."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            inside = f"{place}.{key}" if place else str(key)
            if (key == "ms" or str(key).endswith(_SPEEDS)) and isinstance(each, int | float | Mapping):
                yield inside
            else:
                yield from speeds(each, inside)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, each in enumerate(value):
            yield from speeds(each, f"{place}[{number}]")


def _of_result(result: Any) -> Iterator[str]:
    if not isinstance(result, Mapping):
        yield f"the result is {type(result).__name__}"
        return
    missing = {"format", "dry_run", "environment", "runs", "left", "parts"} - set(result)
    if missing:
        yield f"without {', '.join(sorted(missing))}"
        return
    if result["format"] != FORMAT or not isinstance(result["dry_run"], bool):
        yield f"format {result['format']!r}, dry_run {result['dry_run']!r}"
    if not isinstance(result["environment"], Mapping):
        yield "environment: no object"
    else:
        yield from (f"environment: without {name}" for name in _ENVIRONMENT if name not in result["environment"])
        if result["environment"].get("device") is None and not result["dry_run"]:
            yield "environment: figures without a device"
    yield from _of_runs(result["runs"])
    if not isinstance(result["parts"], list) or not isinstance(result["left"], list):
        yield "parts or left: no list"
        return
    for place, part in enumerate(result["parts"]):
        yield from _of_part(part, f"parts[{place}]", result["dry_run"], len(result["runs"]))
    names = [part["name"] for part in result["parts"] if isinstance(part, Mapping) and "name" in part]
    yield from (f"two parts are named {name}" for name in sorted({name for name in names if names.count(name) > 1}))
    open_ = [
        part["name"]
        for part in result["parts"]
        if isinstance(part, Mapping) and any(_verdict(row) in OPEN for row in part.get("rows") or ())
    ]
    if sorted(open_) != sorted(result["left"]):
        yield f"left is {result['left']}, but rows are missing in {open_}"


def _of_runs(runs: Any) -> Iterator[str]:
    if not isinstance(runs, list):
        yield "runs: no list"
        return
    for place, run in enumerate(runs):
        for name, kind in _RUN.items():
            if not isinstance(run, Mapping) or not isinstance(run.get(name), kind):
                yield f"runs[{place}].{name}: not as it should be"


def _of_part(part: Any, place: str, dry_run: bool, runs: int) -> Iterator[str]:
    if not isinstance(part, Mapping) or not {"name", "kind", "state", "cost_s", "rows"} <= set(part):
        yield f"{place}: no part"
        return
    place = f"{place} {part['name']}"
    if part["kind"] not in KINDS or part["state"] not in STATES or not isinstance(part["rows"], list):
        yield f"{place}: kind {part['kind']!r}, state {part['state']!r}"
        return
    if not isinstance(part["cost_s"], int | float) or part["cost_s"] < 0:
        yield f"{place}: cost_s {part['cost_s']!r}"
    for row in part["rows"]:
        if not isinstance(row, Mapping) or not isinstance(row.get("name"), str):
            yield f"{place}: a row without a name"
            return
        yield from _of_row(row, f"{place}, {row['name']}", part["kind"], dry_run, runs)
    names = [row["name"] for row in part["rows"]]
    if len(set(names)) != len(names):
        yield f"{place}: two rows have one name"
    if all("verdict" in row for row in part["rows"]) and part["state"] != state_of(part["rows"]):
        yield f"{place}: state {part['state']!r}, but its rows say {state_of(part['rows'])!r}"


def _of_row(row: Mapping[str, Any], place: str, kind: str, dry_run: bool, runs: int) -> Iterator[str]:
    said = row.get("verdict")
    if said not in VERDICTS[kind]:
        yield f"{place}: verdict {said!r}"
        return
    timed = list(speeds({key: value for key, value in row.items() if key not in ("seconds", "budget_s")}))
    if said == NOT_MEASURED:
        if not isinstance(row.get("reason"), str):
            yield f"{place}: not measured, without a reason"
    elif not isinstance(row.get("run"), int) or not 0 <= row["run"] < runs:
        yield f"{place}: of run {row.get('run')!r}, of {runs}"
    if said in {"failed", "ended", "absent"} and not isinstance(row.get("error"), str):
        yield f"{place}: {said}, without an error"
    if dry_run and (said in _TIMED or timed):
        yield f"{place}: a speed in a dry run: {(timed or [said])[0]}"
    if kind == "figures" and said in _TIMED:
        if row.get("parity") != "good":
            yield f"{place}: timed, with parity {row.get('parity')!r}"
        if not isinstance(row.get("ours_ms"), Mapping) or not {"q1", "median", "q3"} <= set(row["ours_ms"]):
            yield f"{place}: timed, without quartiles"
    elif timed and (said in {"failed", "ended", "absent", "parity is red", NOT_MEASURED}):
        yield f"{place}: {said}, but it has {timed[0]}"
    yield from _red_with_speed(row, place)


def _red_with_speed(value: Any, place: str) -> Iterator[str]:
    """Wherever a parity is told of and is not good, nothing beside it or below it may be a speed."""
    if isinstance(value, Mapping):
        if value.get("parity", "good") != "good":
            yield from (f"{place}: parity is red, but it has {each}" for each in speeds(value))
        for key, each in value.items():
            yield from _red_with_speed(each, f"{place}.{key}")


def _verdict(row: Any) -> Any:
    return row.get("verdict") if isinstance(row, Mapping) else None
