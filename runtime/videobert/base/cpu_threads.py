"""How many threads may compute at a time: as many as the caller says, else as the environment and the system grant."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from videobert.base.arguments import whole

_MOST = 1024
# A list ("4,2") gives one number for each level of nesting; the first is ours.
_OMP = re.compile(r"\s*\+?(\d+)\s*(?:,.*)?")
# For so long the quota of the control groups is taken to be what it was.
_HOLDS_S = 1.0
_read_at_s: float = -math.inf
_quota: float | None = None


def thread_limit(asked: int | None = None) -> int | None:
    """The most threads that may compute at a time; None where the machine alone limits them.

    What is asked for holds. Where nothing is: OMP_NUM_THREADS, else the CPU quota of the control groups that this
    process is in, rounded up, as far as they are fewer than the processors that it may run on; and 1 where that is one.

    Raises:
        UsageError: `asked` is no whole number from 1 to 1024.
    """
    if asked is not None:
        allowed = f"1 to {_MOST}, or None"
        return whole("threads", asked, least=1, most=_MOST, allowed=allowed, fix="Leave it out for all cores.")
    available = processors()
    return 1 if available == 1 else granted if (granted := _granted()) < available else None


def thread_count(asked: int | None = None) -> int:
    """How many threads to use for work that can be shared among any number: `asked`, or what is granted.

    Raises:
        UsageError: as `thread_limit`.
    """
    return _granted() if asked is None else thread_limit(asked) or 1


def processors() -> int:
    """How many processors the calling thread may run on."""
    return len(os.sched_getaffinity(0))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Processors' worth of time that this process may use, by the narrowest of its control groups; None if unlimited.

    Args:
        root: where the files of the system are looked for, /proc and the mounted control groups.
    """
    granted = [share for folder in _groups(root) for share in (_share_v2(folder), _share_v1(folder)) if share]
    return min(granted, default=None)


def _granted() -> int:
    named = _omp_num_threads()
    if named is not None:
        return named
    quota = _recent_quota()
    return min(processors(), _MOST, _MOST if quota is None else max(1, math.ceil(quota)))


def _recent_quota() -> float | None:
    """`cpu_quota`, read once a second: every search asks, and reading the files takes longer than a small one."""
    global _read_at_s, _quota
    now = time.monotonic()
    if now - _read_at_s > _HOLDS_S:
        _quota = cpu_quota()
        _read_at_s = now
    return _quota


def _omp_num_threads() -> int | None:
    found = _OMP.fullmatch(os.environ.get("OMP_NUM_THREADS", ""))
    return min(int(found[1]), _MOST) or None if found else None


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in and of those around them, as far as they can be seen."""
    paths: dict[str, str] = {}
    for line in _lines(root / "proc/self/cgroup"):
        # hierarchy:controllers:path; the second version has one hierarchy and names no controller.
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers or "cpu" in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = path
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, (kind, *rest) = before.split(" "), after.split(" ") or [""]
        if len(fields) < 5 or kind not in paths or (kind == "cgroup" and "cpu" not in rest[-1].split(",")):
            continue
        # A container may see a part of the tree, named by its place in the whole tree, or the whole under its own name.
        mounted, top = root / _unescaped(fields[4]).lstrip("/"), _unescaped(fields[3])
        inside = os.path.relpath(paths[kind], top) if paths[kind].startswith(top) else paths[kind].lstrip("/")
        folder = mounted / inside
        while folder != mounted and mounted in folder.parents:
            yield folder
            folder = folder.parent
        yield mounted


def _share_v2(folder: Path) -> float | None:
    quota, _, period = next(iter(_lines(folder / "cpu.max")), "").partition(" ")
    return _share(quota, period or "100000")


def _share_v1(folder: Path) -> float | None:
    quota, period = (next(iter(_lines(folder / f"cpu.cfs_{name}_us")), "") for name in ("quota", "period"))
    return _share(quota, period)


def _share(quota: str, period: str) -> float | None:
    # "max" and -1 are no limit.
    if not (quota.isdigit() and period.isdigit() and int(quota) and int(period)):
        return None
    return int(quota) / int(period)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def _unescaped(field: str) -> str:
    """A path of mountinfo, where spaces and the like are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
