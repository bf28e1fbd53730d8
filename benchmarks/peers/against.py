"""Whether ours became slower between two files of results: `python -m benchmarks.peers.against OLD.json NEW.json`.

What is compared is the ratio of ours to the peer, round by round: the peer's version is the same, so what the machine
changed meanwhile is in both and falls out. Exit code 0: nothing is slower; 1: something is; 3: the files cannot decide,
because one was taken on a machine that was busy or they have no pair in common.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers.record import MEASURED
from videobert.bench.regression import ratio_between
from videobert.bench.statistics import Ratio, Verdict, verdict


class Compared(NamedTuple):
    """One pair in both files.

    Args:
        name: `case: peer`.
        said: the verdict; None where one of the two was measured on a busy machine.
        ratio: how many times as long ours takes now, by the peer's time.
    """

    name: str
    said: Verdict | None
    ratio: Ratio


def compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Compared]:
    """Every pair that both files have times of, with the same versions of the peer's libraries."""
    before = {(row["case"], row["peer"]): row for row in old["rows"] if row["state"] == MEASURED and "ours_s" in row}
    for row in new["rows"]:
        earlier = before.get((row["case"], row["peer"]))
        if earlier is None or "ours_s" not in row or row["version"] != earlier["version"]:
            continue
        ratio = ratio_between(_shares(earlier), _shares(row))
        quiet = row["noise"]["quiet"] and earlier["noise"]["quiet"]
        yield Compared(f"{row['case']}: {row['peer']}", verdict(ratio) if quiet else None, ratio)


def _shares(row: Mapping[str, Any]) -> list[float]:
    return [ours / peer for ours, peer in zip(row["ours_s"], row["peer_s"], strict=True)]


def slower(found: Sequence[Compared]) -> list[str]:
    """Cases of which every verdict that was given, and of which at least one was, is `slower`.

    Of one case ours is the same beside every peer: if only one of them says so, that peer changed.
    """
    cases: dict[str, list[Verdict]] = {}
    for each in found:
        if each.said is not None:
            cases.setdefault(each.name.split(": ")[0], []).append(each.said)
    return [case for case, said in cases.items() if set(said) == {"slower"}]


def told(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, int]:
    """A line a pair and the verdict, and the exit code."""
    found = list(compared(old, new))
    lines = [
        f"{each.name}: {each.said or 'no verdict, the machine was busy'}, "
        f"{each.ratio.median:.3f} ({each.ratio.low:.3f}–{each.ratio.high:.3f}) of before"
        for each in found
    ]
    decided = [each for each in found if each.said is not None]
    if not decided:
        return "\n".join([*lines, "no verdict: no pair was measured on a quiet machine in both files"]), 3
    worse = slower(found)
    return "\n".join([*lines, f"slower: {', '.join(worse)}" if worse else "nothing is slower"]), 1 if worse else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """See the top of the file."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("old", type=Path)
    words.add_argument("new", type=Path)
    asked = words.parse_args(arguments)
    text, code = told(*(json.loads(path.read_text(encoding="utf-8")) for path in (asked.old, asked.new)))
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
