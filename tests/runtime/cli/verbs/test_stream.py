"""`videobert stream`, and `run` on a terminal: lines while the video comes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sample_report import make_everyday_report

from videobert.model.folder import find
from videobert.results.as_json import to_json

CLIP = find("shapes") / "clip.mp4"


def test_a_line_for_each_segment(call: Any, fake: Any) -> None:
    ended = call("stream", "clip.mp4", "--top", "2", "--context-clips", "1", "--stride", "2")
    assert ended.out.splitlines() == [
        "0.0–1.5 s\tcolour=red 0.97\tmotion=spins 0.88",
        "1.5–6.0 s\tcolour=blue 0.91\tmotion=spins 0.70",
        "6.0–10.5 s\tcolour=green 0.99\tmotion=bounces 0.95",
    ]
    ((verb, given, options),) = fake.asked
    assert (verb, given) == ("stream", ("clip.mp4",))
    assert {name: options[name] for name in ("top", "context_clips", "stride")} == {
        "top": 2,
        "context_clips": 1,
        "stride": 2,
    }


def test_an_open_answer_is_said_with_its_first_guess(call: Any, fake: Any) -> None:
    fake.report = make_everyday_report()
    lines = call("stream", "clip.mp4").out.splitlines()
    assert lines[1] == "5.1–10.2 s\taction=unsure (playing cricket 0.70)\tobject=unsure (crossword puzzle 0.08)"
    assert lines[2] == "10.2–12.8 s\taction=unsure (grooming dog 0.90)\tobject=red fox 0.88"
    *segments, rest = map(json.loads, call("stream", "clip.mp4", "--json").out.splitlines())
    assert [segment["unsure"] for segment in segments] == [[], ["action", "object"], ["action"], []]
    assert (rest["shots"][0], rest["shots_by"]) == ({"start_s": 0.0, "end_s": 5.16}, "transnet_v2")


def test_json_is_an_object_a_line_and_the_report_last(call: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    ended = call("stream", "clip.mp4", "--json")
    *segments, rest = map(json.loads, ended.out.splitlines())
    assert segments == to_json(fake.report)["segments"]
    assert rest == {name: value for name, value in to_json(fake.report).items() if name != "segments"}
    assert "out of domain" in ended.err


def test_every_line_is_written_when_it_is_known(call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    give = fake.stream

    def stream(*arguments: Any, **options: Any) -> Any:
        given = give(*arguments, **options)
        following = type(given).__next__

        class Watching(type(given)):  # type: ignore[misc]
            def __next__(self) -> Any:
                written.append(flushed[0])
                return following(self)

        given.__class__ = Watching
        return given

    flushed = [0]
    monkeypatch.setattr(fake, "stream", stream)
    monkeypatch.setattr(sys.stdout, "flush", lambda: flushed.__setitem__(0, flushed[0] + 1))
    assert call("stream", "clip.mp4").code == 0
    assert [count - written[0] for count in written] == [0, 1, 2, 3]


def test_a_terminal_shows_what_run_shows(watch: Any, fake: Any) -> None:
    wide = 200
    run, stream = (watch(wide, verb, "clip.mp4", "--quiet") for verb in ("run", "stream"))
    # What goes on over all of the video is told at the end of `run` alone: a stream may have no end.
    told_by_run = iter(run.out.splitlines())
    assert all(line in told_by_run for line in stream.out.splitlines())
    assert [verb for verb, _, _ in fake.asked] == ["stream", "stream"]
    shown = re.sub(r"\x1b\[[0-9;]*m", "", run.out)
    for text in ("clip.mp4", "time", "colour", "motion", "1.5–6.0 s", "bounces 0.95", "(12 frames", "in domain"):
        assert text in shown


def test_doubt_that_comes_late_is_said_behind_the_answers(
    watch: Any, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long film the first clips may be like the training, and the rest not."""
    give = fake.stream

    def stream(*arguments: Any, **options: Any) -> Any:
        given = give(*arguments, **options)
        reports = iter([fake.report, dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)])
        given.report = lambda: next(reports)
        return given

    monkeypatch.setattr(fake, "stream", stream)
    shown = watch(120, "stream", "clip.mp4", "--quiet").out
    assert shown.index("bounces") < shown.index("out of domain")
    assert "in domain" not in shown


def test_a_report_of_several_is_headed_on_a_terminal_too(watch: Any, fake: Any, tmp_path: Path) -> None:
    shown = watch(120, "run", "a.mp4", "b.mp4", "--html", tmp_path / "pages")
    assert shown.out.index("==> a.mp4 <==") < shown.out.index("red") < shown.out.index("==> b.mp4 <==")
    assert sorted(path.name for path in (tmp_path / "pages").iterdir()) == ["a.html", "b.html"]
    assert "url(data:image/jpeg" in (tmp_path / "pages" / "a.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("how", ["standard input", "a named pipe"])
def test_segments_come_while_the_pipe_is_open(how: str, tmp_path: Path) -> None:
    """The first lines are read before the end of the film is written."""
    film = tmp_path / "film.ts"
    _as_transport_stream(CLIP, film, times=4)
    content = film.read_bytes()
    pipe = tmp_path / "pipe"
    command = [sys.executable, "-m", "videobert", "stream", "-" if how == "standard input" else str(pipe), "--json"]
    if how == "a named pipe":
        os.mkfifo(pipe)
    stdin = subprocess.PIPE if how == "standard input" else None
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        end = process.stdin if how == "standard input" else pipe.open("wb")
        assert end is not None
        assert process.stdout is not None
        end.write(content[: len(content) * 3 // 4])
        end.flush()
        first = [json.loads(process.stdout.readline()) for _ in range(3)]
        end.write(content[len(content) * 3 // 4 :])
        end.close()
        rest = [json.loads(line) for line in process.stdout]
        process.wait(120)
    assert process.returncode == 0
    assert [segment["answers"]["colour"][0]["text"] for segment in first] == ["yellow", "blue", "red"]
    assert rest[-1]["duration_s"] == pytest.approx(42, abs=0.2)
    assert rest[-1]["origin"]["decoder"] == "pyav"
    assert len(rest) >= 6


def _as_transport_stream(source: Path, target: Path, times: int) -> None:
    """The packets of a film, several times behind each other."""
    import av

    with av.open(str(target), "w", format="mpegts") as output:
        added = None
        for repeat in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                added = added or output.add_stream_from_template(stream)
                length = stream.duration
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts += repeat * length
                    packet.dts += repeat * length
                    packet.stream = added
                    output.mux(packet)
