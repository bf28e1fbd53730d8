"""Two environments in turns: the same is the same, what is planted in one is found, and what ends it says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.small_model import frames_of, mp4

import videobert
from videobert.base.errors import DeviceError, InputError, MismatchError, UsageError
from videobert.bench import other_python
from videobert.bench.noise import NoiseProbe
from videobert.results.bench import Noise

_SLOWER = """
import time
def change(run):
    def changed(*given, **named):
        time.sleep(0.4)
        return run(*given, **named)
    return changed
"""
_WRONG = """
import dataclasses
def change(run):
    def wrong(segment):
        return dataclasses.replace(segment, tokens=tuple(token + 1 for token in segment.tokens))
    def changed(*given, **named):
        report = run(*given, **named)
        return dataclasses.replace(report, segments=tuple(map(wrong, report.segments)))
    return changed
"""


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("beside") / "film.mp4"
    path.write_bytes(mp4(frames_of(7.5, seed=4)))
    return path


def environment_with(folder: Path, change: str) -> Path:
    """A Python whose videobert answers `run` otherwise."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"{change}\nfrom videobert import Runtime\nRuntime.run = change(Runtime.run)\n"
    )
    return script(folder / "python", f'PYTHONPATH={folder} exec {sys.executable} "$@"')


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def beside(python: str | Path, model: Path, video: Path, cache: Path, **asked: Any) -> videobert.Comparison:
    side = f"{model}:fp32"
    return videobert.compare(side, side, video, cache_dir=cache, beside=python, **{"runs": 5, **asked})


def test_the_same_in_turns_is_the_same(model_folder: Path, video: Path, cache_dir: Path) -> None:
    found = beside(sys.executable, model_folder, video, cache_dir)
    assert found.parity
    assert found.tokens is not None
    assert (found.tokens.share, found.tokens.count) == (1.0, 5)
    assert found.speed is not None
    assert found.speed.pairs == 5
    assert 0.5 < found.speed.ratio < 2
    assert found.noise is not None
    assert found.a.precision == found.b.precision == "fp32"
    assert found.a.weights == found.b.weights
    assert sys.executable in found.notes[0]
    assert videobert.__version__ in found.notes[0]


def test_what_one_of_them_does_besides_is_found(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    slower = environment_with(tmp_path / "slower", _SLOWER)
    found = beside(slower, model_folder, video, cache_dir)
    assert found.speed is not None
    assert found.speed.ratio < 0.8
    assert found.speed.a.p50 > found.speed.b.p50 + 0.2
    # Of what `run` does besides, tokens know nothing.
    tokens = beside(slower, model_folder, video, cache_dir, verb="tokens")
    assert tokens.speed is not None
    assert tokens.speed.a.p50 < 0.4


def test_this_environments_paths_are_not_the_others(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment_with(tmp_path / "slower", _SLOWER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "slower"))
    found = beside(sys.executable, model_folder, video, cache_dir)
    assert found.speed is not None
    assert found.speed.b.p50 > found.speed.a.p50 + 0.2


def test_a_wrong_answer_has_no_speed(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def timed(*given: Any) -> None:
        raise AssertionError("a wrong answer was timed")

    monkeypatch.setattr(other_python, "time_pairs", timed)
    found = beside(environment_with(tmp_path / "wrong", _WRONG), model_folder, video, cache_dir)
    assert found.parity is False
    assert found.speed is None
    assert found.tokens is not None
    assert found.tokens.share == 0
    assert any("no speed" in note for note in found.notes)


_FEWER = """
import dataclasses
def change(run):
    def changed(*given, **named):
        report = run(*given, **named)
        return dataclasses.replace(report, segments=report.segments[:KEPT])
    return changed
"""
_MUTE = """
import dataclasses
def change(run):
    def mute(segment):
        return dataclasses.replace(segment, tokens=(), answers={})
    def changed(*given, **named):
        report = run(*given, **named)
        return dataclasses.replace(report, segments=tuple(map(mute, report.segments)))
    return changed
"""


@pytest.mark.parametrize("kept", [0, 1])
def test_what_one_leaves_out_is_no_parity(
    kept: int, model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    fewer = environment_with(tmp_path / "fewer", _FEWER.replace("KEPT", str(kept)))
    found = beside(fewer, model_folder, video, cache_dir)
    assert found.parity is False
    assert found.speed is None
    assert any("segments, B" in note for note in found.notes)


def test_where_nothing_tells_parity_there_is_no_speed(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = environment_with(tmp_path / "mute", _MUTE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "mute"))
    found = beside(mute, model_folder, video, cache_dir)
    assert found.parity is None
    assert found.speed is None
    assert any("no speed: `run` gives neither" in note for note in found.notes)


def test_a_python_is_found_where_it_stands(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "python", "echo it was me >&2; exit 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DeviceError, match="it was me"):
        beside("./python", model_folder, video, cache_dir)


@pytest.mark.parametrize("content", [b"no program", b"\x7fELF"])
def test_what_is_no_program_is_refused(
    content: bytes, model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "python").write_bytes(content)
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(UsageError, match=r"no such Python.*Exec format error"):
        beside(tmp_path / "python", model_folder, video, cache_dir)


def test_bytes_that_are_no_text_end_it_with_a_word(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(DeviceError, match="could not answer"):
        beside(script(tmp_path / "python", "printf '\\377\\n'; sleep 60"), model_folder, video, cache_dir)


@pytest.mark.parametrize(("quiet", "times"), [((True,), 1), ((False, True), 2), ((False, False, False), 3)], ids=str)
def test_a_machine_that_is_not_quiet_is_measured_again(
    quiet: tuple[bool, ...], times: int, model_folder: Path, video: Path, cache_dir: Path, monkeypatch: Any
) -> None:
    left = list(quiet)

    def found(self: NoiseProbe) -> Noise:
        return Noise(spread=0.01, others=0.0, allowed=0.05, load=0.0, quiet=left.pop(0), work_s=1e-3)

    monkeypatch.setattr(NoiseProbe, "found", found)
    told = beside(sys.executable, model_folder, video, cache_dir)
    assert left == []
    assert told.speed is not None
    assert told.speed.pairs == 5
    assert [note for note in told.notes if "measured" in note] == (
        [] if times == 1 else [f"measured {times} times: the machine was not quiet before; the last time counts"]
    )
    assert ("under load" in str(told.speed.why)) is not quiet[-1]


def test_no_speed_is_measured_unasked(model_folder: Path, video: Path, cache_dir: Path) -> None:
    found = beside(sys.executable, model_folder, video, cache_dir, speed=False)
    assert found.parity
    assert found.speed is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo no such package >&2; exit 1", "no such package"),
        ("echo hello; sleep 60", "hello"),
        ("echo []; sleep 60", "could not answer"),
        ('echo \'{"videobert": "0", "clip_hash": "another", "side": {}}\'; read word', "other clips"),
    ],
)
def test_one_that_cannot_answer_says_why(
    body: str, said: str, model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises((DeviceError, MismatchError), match=said):
        beside(script(tmp_path / "python", body), model_folder, video, cache_dir)


@pytest.mark.parametrize("reply", ["[1]", "7", '[{"start_s": "x"}]'])
def test_what_another_one_says_is_not_trusted(
    reply: str, model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path
) -> None:
    hash_ = videobert.load(str(model_folder), precision="fp32", cache_dir=cache_dir).recipe.clip_hash
    hello = f'echo \'{{"videobert": "0", "clip_hash": "{hash_}", "side": {{}}}}\''
    body = f"{hello}; read word; echo '{reply}'; sleep 60"
    with pytest.raises(InputError, match="no result that can be compared"):
        beside(script(tmp_path / "python", body), model_folder, video, cache_dir)


def test_one_that_never_answers_is_ended(
    model_folder: Path, video: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_python, "_LONGEST_S", 0.3)
    told = tmp_path / "pid"
    with pytest.raises(DeviceError, match=r"could not answer.*nothing for 0\.3 s"):
        beside(script(tmp_path / "python", f"echo $$ > {told}; exec sleep 600"), model_folder, video, cache_dir)
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_bad_usage_is_told_before_anything_starts(model_folder: Path, video: Path, cache_dir: Path) -> None:
    with pytest.raises(UsageError, match="no such Python"):
        beside(video, model_folder, video, cache_dir)
    with pytest.raises(UsageError, match="no such Python"):
        beside(model_folder, model_folder, video, cache_dir)
    saved = video.with_name("saved.json")
    saved.write_text("{}")
    with pytest.raises(UsageError, match="no other environment"):
        videobert.compare(saved, saved, beside=sys.executable)
    with pytest.raises(UsageError, match="no layers"):
        beside(sys.executable, model_folder, video, cache_dir, layers=True)
    with pytest.raises(UsageError, match="own limits"):
        beside(sys.executable, model_folder, video, cache_dir, limits=videobert.Limits())
