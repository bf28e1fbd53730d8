"""What a person sees on a terminal: headings, whole words at every width, doubt before the answers."""

from __future__ import annotations

import dataclasses
import fcntl
import math
import os
import pty
import re
import struct
import subprocess
import termios
from typing import Any

import pytest
from rich.cells import cell_len

from videobert.base.errors import InputError
from videobert.results.align import AlignedWindow
from videobert.results.candidate import Candidate
from videobert.results.diagnosis import Ability, Diagnosis, Package

WIDTHS = [40, 60, 80, 200]
CALLS = {
    "run": ("clip.mp4",),
    "tokens": ("clip.mp4",),
    "features": ("clip.mp4",),
    "embed": ("clip.mp4", "--text", "a red circle"),
    "fill": ("a [MASK] circle", "clip.mp4"),
    "classify": ("clip.mp4", "--question", "colour"),
    "align": ("clip.mp4", "a red circle"),
    "answer": ("clip.mp4", "is there a red circle?"),
    "locate": ("clip.mp4", "a red circle"),
    "forecast": ("clip.mp4",),
    "summarize": ("clip.mp4",),
    "sentiment": ("clip.mp4", "--text", "a red circle"),
}
STYLES = re.compile(r"\x1b\[[0-9;]*m")
BOLD = re.compile(r"\x1b\[[0-9;]*\b1(?:;[0-9]+)*m([^\x1b]*)")


def plain(text: str) -> str:
    return STYLES.sub("", text)


def words(text: str) -> set[str]:
    return set(plain(text).split())


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_is_broken_and_no_line_is_too_long(verb: str, width: int, watch: Any, fake: Any) -> None:
    whole = words(watch(9000, verb, *CALLS[verb]).out) | {"no", "room", "for", "at", "this", "width;", "--json"}
    shown = watch(width, verb, *CALLS[verb], "--quiet")
    assert shown.code == 0
    assert words(shown.out) <= whole | {"have", "has", "them"}
    for line in plain(shown.out).splitlines():
        assert cell_len(line) <= width, line


@pytest.mark.parametrize("width", WIDTHS)
def test_every_answer_is_there_at_every_width(width: int, watch: Any, fake: Any) -> None:
    shown = plain(watch(width, "run", "clip.mp4").out)
    for word in ("colour", "motion", "red", "0.97", "bounces", "0.95", "percentile", "100", "6.0–10.5 s"):
        assert word in shown
    # Tokens may be left out, but then that is said.
    assert ("1041" in shown) != ("no room for tokens" in " ".join(shown.split()))


def test_wide_and_combining_characters_and_emoji_stand_in_their_columns(watch: Any, fake: Any) -> None:
    (first, *rest) = fake.report.segments
    odd = {
        "色": (Candidate(text="赤い円 🔴", id=None, score=0.9),),
        "e\u0301tat": (Candidate(text="日本", id=1, score=1.0),),
    }
    segments = tuple(dataclasses.replace(segment, answers=odd) for segment in (first, *rest))
    fake.report = dataclasses.replace(fake.report, source="映画 フィルム 👩‍👩‍👧.mp4", segments=segments)
    for width in WIDTHS:
        shown = plain(watch(width, "run", "clip.mp4").out)
        assert all(cell_len(line) <= width for line in shown.splitlines())
        assert "赤い円" in shown
    heading, line, *_ = [row for row in shown.splitlines() if "time" in row or "0.0–1.5 s" in row]
    for name, text in (("色", "赤い円 🔴"), ("e\u0301tat", "日本")):
        assert cell_len(heading[: heading.index(name)]) == cell_len(line[: line.index(text)])


@pytest.mark.parametrize(
    ("verb", "headings"),
    [
        ("run", ["time", "colour", "motion", "tokens", "percentile"]),
        ("tokens", ["time", "token", "percentile"]),
        ("features", ["time", "feature", "norm"]),
        ("fill", ["place", "answer", "score"]),
        ("classify", ["time", "label", "score"]),
        ("align", ["time", "score"]),
        ("forecast", ["time", "token", "score"]),
        ("summarize", ["time", "why", "adds"]),
        ("sentiment", ["of", "sentiment", "score"]),
    ],
)
def test_columns_have_headings_on_a_terminal_alone(
    verb: str, headings: list[str], watch: Any, call: Any, fake: Any
) -> None:
    assert headings in [line.split() for line in plain(watch(120, verb, *CALLS[verb]).out).splitlines()]
    if verb != "run":
        assert headings not in [line.split() for line in call(verb, *CALLS[verb]).out.splitlines()]


def test_align_says_what_its_number_is_and_where_windows_differ(watch: Any, call: Any, fake: Any) -> None:
    lines = plain(watch(120, "align", *CALLS["align"]).out).splitlines()
    assert lines[:3] == ["time          score", "0.0–24.0 s    0.750", "24.0–30.0 s   0.500"]
    said = (
        "0.625 is the probability that text and video belong together, that of the mean log-odds of 2 windows that "
        "differ, from"
    )
    assert " ".join(lines[3:]).startswith(said)
    ended = call("align", *CALLS["align"])
    assert said in ended.err
    assert ended.out.splitlines()[0] == "0.625"
    assert call("align", *CALLS["align"], "--quiet").err == ""


def test_align_says_where_windows_agree(watch: Any, call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = type(fake).align
    alike = (AlignedWindow(start_s=0, end_s=1.5, score=0.91), AlignedWindow(start_s=1.5, end_s=3, score=0.93))
    for windows, said in ((alike, "the mean log-odds of 2 windows that agree"), (alike[:1], "belong together")):
        monkeypatch.setattr(
            type(fake),
            "align",
            lambda *a, windows=windows, **k: dataclasses.replace(answer(*a, **k), windows=windows),
        )
        shown = plain(watch(120, "align", *CALLS["align"]).out)
        assert shown.endswith(f"{said}\n")
        assert ("time" in shown) == (len(windows) > 1)
        assert "differ" not in call("align", *CALLS["align"]).err


def test_embed_shows_what_the_vector_is_and_how_to_get_all_of_it(
    watch: Any, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = type(fake).embed
    vector = answer(fake).vector.repeat(100)
    monkeypatch.setattr(type(fake), "embed", lambda *a, **k: dataclasses.replace(answer(*a, **k), vector=vector))
    shown = plain(watch(120, "embed", *CALLS["embed"]).out)
    assert shown.splitlines()[0] == f"joint vector: 300 values, float32, norm {math.hypot(*vector):.4g}"
    assert shown.splitlines()[1].split()[:3] == ["0.25", "0.25", "0.25"]
    assert "… 292 more" in shown
    assert "--out FILE.npy" in shown
    assert "--json" in shown
    assert len(shown) < 300


@pytest.mark.parametrize("verb", [verb for verb in CALLS if verb != "features"])
@pytest.mark.parametrize("width", [60, 160])
def test_doubt_comes_before_the_answers_and_no_answer_stands_out(verb: str, width: int, watch: Any, fake: Any) -> None:
    bold = BOLD.findall(watch(width, verb, *CALLS[verb]).out)
    if verb in ("run", "fill", "classify"):
        assert any(word in ("red", "circle") for word in bold)
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    ended = watch(width, verb, *CALLS[verb])
    assert "out of domain" in plain(ended.out + ended.err)
    first = plain(ended.out if verb == "run" else ended.err[ended.err.index("note:") :])
    assert " ".join(first.split()[:5]).removeprefix("note: ").startswith("out of domain")
    if verb == "run":
        assert "so the answers mean little" in " ".join(plain(ended.out).split())
        assert plain(ended.out).index("mean little") < plain(ended.out).index("clip.mp4")
        assert plain(ended.out).count("out of domain") == 1
        assert "in domain" not in plain(ended.out)
    bold = " ".join(BOLD.findall(ended.out))
    assert not any(word in bold for word in ("red", "blue", "green", "spins", "bounces", "circle", "<712>"))


def test_without_a_terminal_doubt_comes_first_too(call: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    assert call("run", "clip.mp4").out.startswith("out of domain: this video is unlike what the model was trained on")


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_plain_terminal_gets_plain_text(verb: str, term: str, watch: Any, fake: Any) -> None:
    ended = watch(60, verb, *CALLS[verb], term=term)
    assert "\x1b" not in ended.out + ended.err
    assert "\r" not in ended.out + ended.err
    assert plain(watch(60, verb, *CALLS[verb]).out) == ended.out


def test_no_color_is_heeded(watch: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|9[0-7]|38;)")
    fake.report = dataclasses.replace(fake.report, out_of_domain=True)
    assert colour.search(watch(80, "run", "clip.mp4").out)
    monkeypatch.setenv("NO_COLOR", "1")
    shown = watch(80, "run", "clip.mp4", "--quiet")
    assert not colour.search(shown.out)
    assert "\x1b" not in watch(80, "run", "--help").out.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_an_error_and_a_note_keep_their_words_whole(watch: Any, fake: Any) -> None:
    fake.unknown = ("elephant", "walk")
    notes = watch(40, "align", *CALLS["align"], term="dumb").err
    assert all(len(line) <= 40 for line in notes.splitlines())
    assert "elephant, walk" in " ".join(notes.split())
    fake.error = InputError(
        "this is not a video file that can be read", seen="/a/very/long/path/" * 4, fix="Convert it to MP4 (H.264)."
    )
    shown = watch(40, "run", "clip.mp4", term="dumb").err
    assert "/a/very/long/path/" * 4 in shown
    assert "can be read" in " ".join(shown.split())
    assert all(len(line) <= 40 for line in shown.splitlines() if "/a/very" not in line)


@pytest.mark.parametrize("width", [60, 100])
def test_the_width_is_the_terminals_own(width: int, fake_command: tuple[str, ...]) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [*fake_command, "run", "clip.mp4"], stdout=theirs, env=environment | {"TERM": "dumb"}
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end closes
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    longest = max(len(line) for line in shown.decode().splitlines())
    assert width - 40 < longest <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_diagnosis_keeps_its_words_whole(width: int, watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    detail = "no NVIDIA GPU can be used from here: cuda-bindings: the driver cannot be found via system search"
    abilities = tuple(
        Ability(kind=kind, name=name, works=works, detail=detail, fix=fix)
        for kind, name, works, fix in (
            ("engine", "openvino", True, None),
            ("decoder", "dali on NVDEC", False, "install the NVIDIA driver and start the machine again"),
        )
    )
    packages = tuple(Package(name=f"package{n}", version=None, extra=None) for n in range(20))
    diagnosis = Diagnosis(
        videobert="0.1.0",
        python="3.11.7",
        platform="Linux",
        cpu="a processor of a very long name @ 3.20 GHz",
        cores=2,
        cpu_features=None,
        packages=packages,
        abilities=abilities,
        blockers=("openvino", "pyav"),
        ready=False,
    )
    monkeypatch.setattr("videobert.doctor.examine.examine", lambda: diagnosis)
    whole = words(watch(9000, "doctor").out)
    shown = plain(watch(width, "doctor").out)
    assert words(shown) <= whole
    assert all(cell_len(line) <= width for line in shown.splitlines())
    assert "fix: install the NVIDIA driver and start the machine again" in " ".join(shown.split())
