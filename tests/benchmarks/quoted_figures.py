"""Which figure of the documentation stands where in a committed result: `tests/benchmarks/quoted/PAGE.txt`.

A block begins with `# FILE.json`, or `# FILE.json: PATH` where all of it lies below one place. Its lines are text of
the page with the place in the file instead of each figure: `| load | {load > median_s} s |`. Places go by names and, in
lists, by numbers or by an entry's own name; then may follow `* N` or `/ N` for the unit, and `~ N` where the page
rounds to whole N; `N / PLACE` is what it says. `median PLACE`, `least PLACE`, `most PLACE` and `count PLACE` are of a
list, `*` in a place stands for each entry. The rule: the value, rounded to the digits that the page has, is the figure.

`# table: FILE.json` stands for the table that `benchmarks.peers.table` makes of it, which the page must have as it is.
A block `# not measured: WHY` has text with figures that are no measurements, `…` standing for whatever is between.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.table import table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
QUOTED = Path(__file__).parent / "quoted"

_UNIT = (
    r"(?:x(?! \d)|ms|µs|us|s|min|minutes?|hours?|MB|GB|MiB|GiB|KB|KiB|TB|%|per ?cent|dB|fps|frames per second"
    r"|[MGT]FLOP(?:/s)?|[GT]B/s)"
)
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
# A number, or several of them before one unit, such as a median with its quartiles.
_FIGURE = re.compile(rf"(?<![\w.,/-])({_NUMBER})(?:(?:–| and | to |, )\d[\d,]*(?:\.\d+)?)*[ -]?{_UNIT}(?![\w/])")
_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)
_NAMES = ("name", "video", "title", "film")
_OF_LISTS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "median": statistics.median,
    "least": min,
    "most": max,
    "count": len,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a page's file: `source` is None for text without measurements."""

    text: str
    source: str | None
    below: str = ""


def pages() -> list[Path]:
    """Every page that may quote a figure."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def entries(text: str) -> Iterator[Entry]:
    """What a page's file says."""
    source: str | None = None
    below = ""
    for line in text.splitlines():
        if line.startswith(("# not measured: ", "# table: ")):
            source, below = None, ""
        elif line.startswith("# "):
            source, _, below = line[2:].partition(": ")
        elif line.strip():
            yield Entry(_flat(line.strip()), source, below)


def problems(page: str, listed: str, results: Callable[[str], Any]) -> list[str]:
    """What is wrong with a page: figures that are not those of their file, or that have none.

    Args:
        page: its text.
        listed: what its file says.
        results: a result's content by its name.
    """
    flat = _flat(page)
    found: list[str] = []
    covered: list[tuple[int, int]] = []
    for name in re.findall(r"^# table: (.*)$", listed, re.MULTILINE):
        made = _flat(table(results(name))).strip()
        if made not in flat:
            found.append(f"the page has not the table of {name}: `python -m benchmarks.peers.table` prints it")
        covered += [match.span() for match in re.finditer(re.escape(made), flat)]
    for entry in entries(listed):
        matches = list(_pattern(entry).finditer(flat))
        if not matches:
            found.append(f"the page does not say: {entry.text}")
        for match in matches:
            covered.append(match.span())
            if entry.source is not None:
                found += _differences(entry, match, results(entry.source))
    code = [match.span() for match in _CODE.finditer(flat)]
    for match in _FIGURE.finditer(flat):
        if not _inside(match.span(1), code) and not _inside(match.span(1), covered):
            around = flat[max(0, match.start() - 60) : match.end() + 30]
            found.append(f"no result has this figure, or nobody said where: …{around}…")
    return found


def of_page(path: Path) -> list[str]:
    """`problems` of a page of the tree."""
    listed = QUOTED / f"{path.stem}.txt"
    return problems(
        path.read_text(encoding="utf-8"),
        listed.read_text(encoding="utf-8") if listed.exists() else "",
        lambda name: json.loads((RESULTS / name).read_text(encoding="utf-8")),
    )


def agrees(said: str, value: float, step: float | None) -> bool:
    """Whether a figure is the value at the digits that the figure has."""
    decimals = len(said.partition(".")[2])
    half = (step if step is not None else 10.0**-decimals) / 2
    return abs(float(said.replace(",", "")) - value) <= half * (1 + 1e-9) + 1e-12


def value_of(place: str, result: Any) -> tuple[float, float | None]:
    """What stands at a place, in the page's unit, and what the page rounds to.

    Raises:
        ValueError: nothing stands there, or no number does.
    """
    place, _, step = place.partition(" ~ ")
    parts = re.fullmatch(r"(?:([\d.]+) / )?(.*?)(?: ([*/]) ([\d.e+-]+))?", place)
    assert parts is not None
    over, path, sign, by = parts.groups()
    first, _, rest = path.partition(" ")
    value = _OF_LISTS[first](_at(rest, result)) if first in _OF_LISTS else _at(path, result)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{place} is {value!r}, no number")
    if over:
        value = float(over) / value
    scale = float(by) if by else 1.0
    return (value / scale if sign == "/" else value * scale), float(step) if step else None


def _at(path: str, result: Any) -> Any:
    for name in path.split(" > "):
        if name == "*" and isinstance(result, list):
            rest = path.partition(" > * > ")[2]
            return [_at(rest, item) for item in result]
        if isinstance(result, list):
            named = [item for item in result if isinstance(item, dict) and name in map(item.get, _NAMES)]
            if not named and not name.isdigit():
                raise ValueError(f"{path}: no entry {name!r}")
            result = named[0] if named else result[int(name)]
        elif isinstance(result, dict) and name in result:
            result = result[name]
        else:
            raise ValueError(f"{path}: no {name!r}")
    return result


def _differences(entry: Entry, match: re.Match[str], result: Any) -> Iterator[str]:
    for said, place in zip(match.groups(), re.findall(r"\{([^}]*)\}", entry.text), strict=True):
        head = re.match(rf"(?:{'|'.join(_OF_LISTS)}) |[\d.]+ / |", place)
        assert head is not None
        below = f"{entry.below} > " if entry.below else ""
        whole = f"{head.group()}{below}{place[head.end() :]}"
        try:
            value, step = value_of(whole, result)
        except ValueError as error:
            yield f"{entry.source}: {error}"
            continue
        if not agrees(said, value, step):
            yield f"the page says {said}, {entry.source} says {value:.6g} ({whole}): {match.group()[:120]}"


def _pattern(entry: Entry) -> re.Pattern[str]:
    if entry.source is None:
        return re.compile(".{0,4000}?".join(re.escape(part.strip()) for part in entry.text.split("…")))
    literals = re.split(r"\{[^}]*\}", entry.text)
    return re.compile(f"({_NUMBER})".join(re.escape(part) for part in literals))


def _inside(span: tuple[int, int], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in spans)


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


if __name__ == "__main__":
    for each in pages():
        for problem in of_page(each):
            print(f"{each.name}: {problem}")
