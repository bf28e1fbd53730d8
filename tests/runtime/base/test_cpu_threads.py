"""How many threads may compute: what is asked for, the environment, CPU quotas of both kinds, the affinity mask."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import pytest

from videobert.base import cpu_threads
from videobert.base.cpu_threads import cpu_quota, thread_count, thread_limit
from videobert.base.errors import UsageError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine of 8 processors without a quota; sets the processors, the quota and OMP_NUM_THREADS."""

    def of(processors: int = 8, quota: float | None = None, omp: str | None = None) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(processors)))
        monkeypatch.setattr(cpu_threads, "cpu_quota", lambda: quota)
        monkeypatch.setattr(cpu_threads, "_read_at_s", -math.inf)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if omp is not None:
            monkeypatch.setenv("OMP_NUM_THREADS", omp)

    of()
    return of


@pytest.mark.parametrize(
    ("given", "limit", "count"),
    [
        ({}, None, 8),
        ({"omp": "3"}, 3, 3),
        ({"omp": "4,2"}, 4, 4),
        ({"omp": " 2 "}, 2, 2),
        ({"omp": "12"}, None, 12),
        ({"omp": "99999"}, None, 1024),
        ({"quota": 2.0}, 2, 2),
        ({"quota": 1.5}, 2, 2),
        ({"quota": 0.1}, 1, 1),
        ({"quota": 64.0}, None, 8),
        ({"omp": "3", "quota": 1.0}, 3, 3),
        ({"processors": 1}, 1, 1),
        ({"processors": 1, "omp": "4"}, 1, 4),
        ({"processors": 4, "quota": 6.0}, None, 4),
        *(({"omp": omp}, None, 8) for omp in ("", "0", "-2", "two", "2.5", "0,4")),
    ],
)
def test_where_nothing_is_asked_for(machine: Any, given: dict[str, Any], limit: int | None, count: int) -> None:
    machine(**given)
    assert (thread_limit(), thread_count()) == (limit, count)


def test_the_quota_is_read_once_a_second_and_then_anew(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine()
    now, read = [100.0], list[float]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(cpu_threads, "cpu_quota", lambda: read.append(now[0]) or 2.0 + len(read))
    assert [thread_count(), thread_count(), thread_limit()] == [3, 3, 3]
    now[0] += 1.5
    assert (thread_count(), read) == (4, [100.0, 101.5])


def test_what_is_asked_for_holds(machine: Any) -> None:
    machine(processors=2, quota=1.0, omp="1")
    for asked in (1, 2, 16, 1024):
        assert (thread_limit(asked), thread_count(asked)) == (asked, asked)


@pytest.mark.parametrize("asked", [0, -1, 1025, True, 2.0, "2"])
def test_what_is_no_number_of_threads_is_refused(asked: Any) -> None:
    for function in (thread_limit, thread_count):
        with pytest.raises(UsageError, match="threads is out of range"):
            function(asked)


_V2 = "29 23 0:26 {top} {at} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
_V1 = "32 31 0:29 {top} {at} rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"


def system(root: Path, cgroup: str, mounts: list[str], files: dict[str, str]) -> Path:
    """The files of a system below `root`: /proc/self/cgroup, /proc/self/mountinfo, and those of control groups."""
    others = [
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
        "33 31 0:30 / /sys/fs/cgroup/memory rw - tmpfs",
    ]
    for name, text in {
        "proc/self/cgroup": cgroup,
        "proc/self/mountinfo": "\n".join([*others, *mounts]),
        **files,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


_AT = "/sys/fs/cgroup"
_V2_MOUNT = _V2.format(top="/", at=_AT)
_V1_MOUNT = _V1.format(top="/", at=f"{_AT}/cpu,cpuacct")


@pytest.mark.parametrize(
    ("cgroup", "mounts", "files", "quota"),
    [
        ("0::/", [_V2_MOUNT], {"sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
        ("0::/", [_V2_MOUNT], {"sys/fs/cgroup/cpu.max": "max 100000"}, None),
        ("0::/", [_V2_MOUNT], {"sys/fs/cgroup/cpu.max": "50000"}, 0.5),
        ("0::/", [_V2_MOUNT], {}, None),
        ("0::/", [_V2_MOUNT], {"sys/fs/cgroup/cpu.max": "what is this"}, None),
        (
            "0::/user.slice/app",
            [_V2_MOUNT],
            {"sys/fs/cgroup/user.slice/app/cpu.max": "200000 100000", "sys/fs/cgroup/user.slice/cpu.max": "max 100000"},
            2.0,
        ),
        (
            "0::/user.slice/app",
            [_V2_MOUNT],
            {"sys/fs/cgroup/user.slice/app/cpu.max": "max 100000", "sys/fs/cgroup/user.slice/cpu.max": "30000 10000"},
            3.0,
        ),
        (
            "0::/a/b/c",
            [_V2_MOUNT],
            {"sys/fs/cgroup/a/b/c/cpu.max": "400000 100000", "sys/fs/cgroup/a/cpu.max": "100000 100000"},
            1.0,
        ),
        # A container that sees its own part of the tree, and one that sees only its own.
        (
            "0::/pods/mine",
            [_V2.format(top="/pods/mine", at=_AT)],
            {"sys/fs/cgroup/cpu.max": "100000 100000"},
            1.0,
        ),
        ("0::/../other", [_V2_MOUNT], {"sys/fs/cgroup/cpu.max": "100000 100000"}, 1.0),
        (
            "4:cpu,cpuacct:/docker/x\n2:memory:/docker/x",
            [_V1_MOUNT],
            {
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "250000",
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
            },
            2.5,
        ),
        (
            "4:cpu,cpuacct:/docker/x",
            [_V1.format(top="/docker/x", at=f"{_AT}/cpu,cpuacct")],
            {
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            0.5,
        ),
        (
            "4:cpu,cpuacct:/a/b",
            [_V1_MOUNT],
            {
                "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "100000",
                "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "50000",
            },
            2.0,
        ),
        # Both at once: the second version without controllers, as systemd mounts it beside the first.
        (
            "4:cpu,cpuacct:/\n0::/user.slice",
            [_V1_MOUNT, _V2.format(top="/", at=f"{_AT}/unified")],
            {
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            3.0,
        ),
        (
            "0::/",
            [_V2.format(top="/", at="/sys/fs/my\\040groups")],
            {"sys/fs/my groups/cpu.max": "100000 100000"},
            1.0,
        ),
        ("5:cpuset:/x", [_V1_MOUNT], {}, None),
        ("", [], {}, None),
        ("nonsense\n::\n0", ["1 2 3", " - ", "a b c d e f - cgroup2"], {}, None),
    ],
)
def test_the_quota_of_control_groups(
    tmp_path: Path, cgroup: str, mounts: list[str], files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(system(tmp_path, cgroup, mounts, files)) == quota


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
