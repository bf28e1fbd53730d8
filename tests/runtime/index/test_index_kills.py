"""A writer that is killed with SIGKILL at any moment loses nothing that it reported done, and is no obstacle."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from videobert.index.reader import IndexReader

CHILD = Path(__file__).with_name("killed_writer.py")


def kill_once(folder: Path, first: int, chance: random.Random) -> list[str]:
    """Let a writer go on from a number for a while, kill it, and give what it reported."""
    child = subprocess.Popen([sys.executable, str(CHILD), str(folder), str(first)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    reported = []
    for _ in range(chance.randint(0, 40)):
        reported.append(child.stdout.readline())
    time.sleep(chance.random() * 0.02)
    child.kill()
    rest, _ = child.communicate()
    # A last line without its end was not reported.
    return [line.strip() for line in [*reported, *rest.splitlines(keepends=True)] if line.endswith("\n")]


def kill_and_look(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    there: set[int] = set()
    latest = 0
    for _ in range(kills):
        reported = kill_once(folder, latest, chance)
        for line in reported:
            what, number = line.split()
            (there.add if what == "added" else there.discard)(int(number))
            latest = max(latest, int(number) + 1)
        if not (folder / "index.json").exists():
            assert not there
            continue
        reader = IndexReader(folder, check=True)
        found: dict[int, list[int]] = {}
        for row in reader.rows():
            stored = reader.stretch(int(row))
            number = int(Path(stored.source).stem)
            found.setdefault(number, []).append(int(stored.ids[0]) - 100 * number)
            assert reader.picture(int(row)) == b"picture %d of %d" % (found[number][-1], number)
        # A file is there as a whole or not at all; the last act may be done though nobody heard of it.
        assert all(stretches == [0, 1, 2, 3] for stretches in found.values())
        assert there ^ set(found) <= {latest, latest - 4, latest - 3}
        assert there - set(found) <= {latest - 4}
        there = set(found)
        latest = max([latest, *(number + 1 for number in found)])
    assert there


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path / "index", 4, seed=1)


@pytest.mark.slow
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    kill_and_look(tmp_path / "index", 50, seed=2)
