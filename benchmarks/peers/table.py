"""The results as tables in Markdown: `python -m benchmarks.peers.table FILE.json` prints them for `docs/peers.md`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.peers.record import MEASURED, RED


def table(result: Mapping[str, Any]) -> str:
    """A heading and a table for each case; no speed where parity is red."""
    return "\n".join(_lines(result)).strip() + "\n"


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    for case, group in groupby(result["rows"], key=lambda row: row["case"]):
        rows = list(group)
        yield f"### `{case}`"
        yield ""
        yield next((f"{row['what']}." for row in rows if "what" in row), "")
        agreed = next((row["agreement"] for row in rows if "agreement" in row), None)
        if agreed is not None:
            sign = "at most" if agreed["better"] == "less" else "at least"
            yield f"Agreement: {agreed['measure']}, {sign} {agreed['limit']:g}; ours {agreed['ours']}."
        yield ""
        yield "| peer | agreement | ours, ms | peer, ms | peer to ours |"
        yield "| --- | --- | --- | --- | --- |"
        for row in rows:
            yield f"| {row['peer']} | {' | '.join(_cells(row))} |"
        yield ""


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    found = row["agreement"]["peer"] if "agreement" in row else ""
    agreement = found if isinstance(found, str) else f"{found:g}"
    if row["state"] == MEASURED and "ratio" in row:
        ratio = row["ratio"]
        said = f"{_short(ratio['median'])}x ({_short(ratio['low'])}–{_short(ratio['high'])})"
        return agreement, _spread(row["ours_ms"]), _spread(row["peer_ms"]), f"**{said}**" if _wins(row) else said
    if row["state"] == MEASURED:
        return agreement, "", "", "not timed"
    if row["state"] == RED:
        return agreement, "", "", "beyond the limit, so no speed"
    return agreement, "", "", f"{row['state']}: {row['why']}"


def _wins(row: Mapping[str, Any]) -> bool:
    """Whether the peer is the faster one, for sure."""
    return bool(row["ratio"]["high"] < 1)


def _spread(milliseconds: Mapping[str, float]) -> str:
    return f"{_short(milliseconds['median'])} ({_short(milliseconds['q1'])}–{_short(milliseconds['q3'])})"


def _short(value: float) -> str:
    """Three digits, as a reader wants them."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
