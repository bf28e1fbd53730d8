"""`videobert bench`: what reaches the suite, and the files that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.report.sample_bench import BENCH, NOISY

from videobert.base.spans import Span
from videobert.bench import suite
from videobert.bench.measure import Measured


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the verb asks the suite for, which answers at once."""
    seen: list[Any] = []

    def stand_in(what: Any, told: Any) -> Measured:
        seen.append(what)
        told("measuring")
        return Measured(bench=NOISY if what.verb == "embed" else BENCH, spans=(Span("answer", "main", 0.0, 1.0, 0),))

    monkeypatch.setattr(suite, "bench_model", stand_in)
    return seen


def test_what_is_typed_reaches_the_suite(call: Any, asked: list[Any]) -> None:
    done = call("bench", "--film", "320x240x4", "--runs", "3", "--no-cold", "--no-roofs", "--sweep", "threads=1,2")
    assert done.code == 0, done.err
    (what,) = asked
    assert (what.video, what.runs, what.cold, what.roofs) == ("320x240x4", 3, False, False)
    assert what.sweep == {"threads": [1, 2]}
    assert done.out.startswith("quiet machine")


def test_without_a_video_the_models_own_clip_is_measured(call: Any, asked: list[Any]) -> None:
    assert call("bench", "--verb", "tokens").code == 0
    assert Path(asked[0].video).name == "clip.mp4"


def test_files_are_written(call: Any, asked: list[Any], tmp_path: Path) -> None:
    paths = {name: tmp_path / f"{name}.x" for name in ("out", "html", "trace")}
    done = call(
        "bench", "--film", "64x64x1", *(word for name, path in paths.items() for word in (f"--{name}", str(path)))
    )
    assert done.code == 0, done.err
    assert json.loads(paths["out"].read_text())["model"] == BENCH.model
    assert paths["html"].read_text().startswith("<!doctype html>")
    assert json.loads(paths["trace"].read_text())["traceEvents"]


@pytest.mark.parametrize("ending", ["pftrace", "perfetto-trace"])
def test_the_ending_asks_for_perfettos_own_format(call: Any, asked: list[Any], tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"trace.{ending}"
    assert call("bench", "--film", "64x64x1", "--trace", path).code == 0
    # The first field of a Trace, a packet.
    assert path.read_bytes()[0] == 1 << 3 | 2


def test_a_noisy_machine_is_told_beside_json(call: Any, asked: list[Any]) -> None:
    done = call("bench", "--verb", "embed", "--json")
    assert json.loads(done.out)["noise"]["quiet"] is False
    assert "noisy machine" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("a.mp4", "--film", "64x64x1"),
        ("--sweep", "colour=red"),
        ("--sweep", "precision=fp64"),
        ("--out", "/no/such/folder/a.json"),
    ],
    ids=str,
)
def test_bad_usage_is_told_before_anything_is_measured(call: Any, asked: list[Any], words: tuple[str, ...]) -> None:
    assert call("bench", *words).code == 2
    assert asked == []


@pytest.mark.parametrize("option", ["--out", "--html", "--trace"])
def test_no_file_takes_the_place_of_the_video(call: Any, asked: list[Any], tmp_path: Path, option: str) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    done = call("bench", film, option, film)
    assert (done.code, film.read_bytes()) == (2, b"film")
    assert f"{option} would overwrite a video" in done.err
    assert not asked
