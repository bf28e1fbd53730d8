"""Going on with an earlier file: only what is missing, and only where both runs measure the same thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.gpu.fake_suite import ENVIRONMENT, part
from tests.benchmarks.gpu.test_budget import rows_of

from benchmarks import gpu_suite
from benchmarks.gpu.record import continued

RED = {"verdict": "parity is red", "parity": "off by one"}
HUNG = {"verdict": "ended", "error": "over its budget of 2 s"}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs parts into `out.json`; the file."""

    def suite(parts: list[Any], *arguments: str, environment: dict[str, Any] = ENVIRONMENT) -> dict[str, Any]:
        asked = gpu_suite.parser().parse_args([str(tmp_path / "out.json"), *arguments])
        gpu_suite.run(asked, environment, parts, 1e18)
        found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
        return found

    return suite


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.json"


def test_only_what_is_missing_runs_and_what_hung_comes_last(
    run: Callable[..., dict[str, Any]], out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hung, done, red = (
        part("figures/hung", ["h"], **HUNG),
        part("figures/done", ["d"]),
        part("figures/red", ["r"], **RED),
    )
    run([hung, done, red, part("figures/new", ["n1", "n2"], cost_s=1e30)])
    capsys.readouterr()
    again = [part(f"figures/{name}", rows) for name, rows in (("hung", ["h"]), ("done", ["d"]), ("red", ["r"]))]
    result = run([*again, part("figures/new", ["n1", "n2"])], "--resume", str(out))
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[1:4]] == ["n1", "n2", "h"]
    found = {row["name"]: (row["verdict"], row["run"]) for row in rows_of(result)}
    assert found == {"h": ("met", 1), "d": ("met", 0), "r": ("parity is red", 0), "n1": ("met", 1), "n2": ("met", 1)}
    assert len(result["runs"]) == 2
    assert "started_anew" not in result["runs"][1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", {"name": "another", "capability": 90}),
        ("commit", "d"),
        ("sources", "t"),
        ("torch", "2.12"),
        ("triton", "3.7"),
        ("driver", "590"),
        ("python", "3.13"),
        ("cudnn", 91900),
    ],
)
def test_another_device_version_or_commit_starts_anew_and_says_why(
    run: Callable[..., dict[str, Any]], out: Path, capsys: Any, name: str, value: Any
) -> None:
    run([part("figures/a", ["a"])])
    a = part("figures/a", ["a"])
    result = run([a], "--resume", str(out), environment={**ENVIRONMENT, name: value})
    assert a.run.asked == ["a"]  # type: ignore[attr-defined]
    said = result["runs"][0]["started_anew"]
    assert said.startswith(f"{name} was ")
    assert str(value) in said
    assert said in capsys.readouterr().out
    # What was there is kept.
    kept = json.loads(out.with_name("out.before-1.json").read_text())
    assert kept["environment"] == ENVIRONMENT


def test_a_date_or_a_clock_is_no_reason_to_start_anew(run: Callable[..., dict[str, Any]], out: Path) -> None:
    run([part("figures/a", ["a"])])
    a = part("figures/a", ["a"])
    run([a], "--resume", str(out), environment={**ENVIRONMENT, "date": "later", "clocks": {"clocks.sm": "345 MHz"}})
    assert a.run.asked == []  # type: ignore[attr-defined]


def cut(content: str) -> str:
    return content[: len(content) // 2]


def older(content: str) -> str:
    return content.replace('"format": 2', '"format": 1')


def dry(content: str) -> str:
    return content.replace('"dry_run": false', '"dry_run": true')


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (cut, "cannot be read"),
        (older, "no result of format 2"),
        (dry, "not as it should be"),
        (lambda _: "[]", "no result of format 2"),
        (lambda _: "", "cannot be read"),
    ],
)
def test_a_file_that_is_no_such_result_starts_anew(
    run: Callable[..., dict[str, Any]], out: Path, change: Callable[[str], str], why: str
) -> None:
    run([part("figures/a", ["a"])])
    out.write_text(change(out.read_text()))
    result = run([part("figures/a", ["a"])], "--resume", str(out))
    assert why in result["runs"][0]["started_anew"]


def test_a_dry_run_goes_on_with_none_of_a_gpu(run: Callable[..., dict[str, Any]], out: Path) -> None:
    run([part("figures/a", ["a"], verdict="absent", error="x")])
    assert continued(out, ENVIRONMENT, dry_run=True) == (None, f"{out} is of a GPU")
    assert continued(out.with_name("none"), ENVIRONMENT, dry_run=False)[1] == f"there is no {out.with_name('none')}"


def test_going_on_into_another_file_leaves_the_first(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    run([part("figures/a", ["a"]), part("figures/b", ["b"], cost_s=1e30)])
    first = tmp_path / "first.json"
    (tmp_path / "out.json").rename(first)
    before = first.read_text()
    result = run([part("figures/b", ["b"])], "--resume", str(first))
    assert first.read_text() == before
    # What this run did not plan stays.
    assert {row["name"]: row["verdict"] for row in rows_of(result)} == {"a": "met", "b": "met"}
