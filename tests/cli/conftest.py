"""Reports and a stand-in for the runtime, so that the command line is tested apart from any model."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import videobert
from videobert.cli.main import main
from videobert.model.config import QuestionConfig
from videobert.results.align import AlignedWindow, Alignment
from videobert.results.candidate import Candidate
from videobert.results.classify import Classification, Segment
from videobert.results.embed import Embedding
from videobert.results.fill import Fill, Filled
from videobert.results.origin import Origin
from videobert.results.run import Report, ReportSegment, Still

ORIGIN = Origin(
    model="shapes",
    weights="fedcba9876543210",
    recipe="0123456789abcdef",
    engine="openvino",
    device="CPU",
    precision="bf16",
    stride=1,
    videobert="0.1.0",
)


def candidates(*answers: tuple[str, float]) -> tuple[Candidate, ...]:
    return tuple(Candidate(text=text, id=None, score=score, log_prior=-1.5) for text, score in answers)


def picture(red: int, green: int, blue: int) -> npt.NDArray[np.uint8]:
    """A disc of one colour on a shaded ground."""
    y, x = np.mgrid[0:96, 0:160]
    shade = (60 + 80 * x / 160 + 60 * y / 96)[..., None] * np.array([0.8, 0.9, 1.0])
    inside = ((x - 80) ** 2 + (y - 48) ** 2 < 34**2)[..., None]
    return np.where(inside, [red, green, blue], shade).astype(np.uint8)


def make_report(**changes: Any) -> Report:
    """Three segments, two questions, every field filled."""
    segments = (
        ReportSegment(
            start_s=0.0,
            end_s=1.5,
            answers={
                "colour": candidates(("red", 0.97), ("orange", 0.02)),
                "motion": candidates(("spins", 0.88), ("grows", 0.1)),
            },
            tokens=(712,),
            percentile=34.5,
            thumbnail=picture(220, 40, 40),
        ),
        ReportSegment(
            start_s=1.5,
            end_s=6.0,
            answers={
                "colour": candidates(("blue", 0.91), ("purple", 0.06)),
                "motion": candidates(("spins", 0.7), ("bounces", 0.2)),
            },
            tokens=(3, 1041, 88),
            percentile=61.0,
            thumbnail=picture(40, 70, 220),
        ),
        ReportSegment(
            start_s=6.0,
            end_s=10.5,
            answers={
                "colour": candidates(("green", 0.99), ("yellow", 0.01)),
                "motion": candidates(("bounces", 0.95), ("slides", 0.03)),
            },
            tokens=(5, 6, 5),
            percentile=99.6,
            padded_frames=12,
            thumbnail=picture(40, 180, 60),
        ),
    )
    fields: dict[str, Any] = {
        "source": "clip.mp4",
        "duration_s": 10.1,
        "video": {"codec": "h264", "width": 854, "height": 480, "duration_s": 10.1},
        "segments": segments,
        "percentile": 61.0,
        "out_of_domain": False,
        "timings_s": {"decode": 0.12, "backbone": 0.2, "assign": 0.0007, "encode": 0.03, "total": 0.31},
        "origin": ORIGIN,
        "stills": tuple(Still(time_s=0.25 + 0.5 * n, picture=picture(12 * n, 90, 40)) for n in range(21)),
    }
    return Report(**(fields | changes))


@dataclass(frozen=True)
class FakeTokens:
    """As much of `VisualTokens` as the command line touches."""

    ids: npt.NDArray[np.int32]
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    percentiles: npt.NDArray[np.float32]
    percentile: float
    out_of_domain: bool
    origin: Origin

    def save(self, path: Path) -> None:
        path.write_bytes(b"tokens")


class FakeStream:
    """A `ReportStream` that gives the segments of a report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._segments = iter(report.segments)
        self.closed = False

    def __iter__(self) -> FakeStream:
        return self

    def __next__(self) -> ReportSegment:
        return next(self._segments)

    def report(self) -> Report:
        return dataclasses.replace(self._report, segments=())

    def __enter__(self) -> FakeStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakeConfig:
    """As much of `ModelConfig` as the command line touches."""

    questions: dict[str, QuestionConfig]
    visual_tokens: int = 1042


@dataclass
class FakeRuntime:
    """Answers every verb with a fixed result and remembers how it was asked."""

    loaded: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    report: Report = field(default_factory=make_report)
    unknown: tuple[str, ...] = ()
    error: BaseException | None = None
    closed: bool = False

    def __enter__(self) -> FakeRuntime:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def _ask(self, verb: str, *args: Any, **options: Any) -> None:
        self.asked.append((verb, args, options))
        if self.error is not None:
            raise self.error
        on_progress = options.get("on_progress")
        if on_progress is not None:
            on_progress(5.0, None)
            on_progress(10.0, 10.0)

    def _seen(self) -> dict[str, Any]:
        """What every answer about a video says of it."""
        return {name: getattr(self.report, name) for name in ("percentile", "out_of_domain", "origin")}

    def run(self, *args: Any, **options: Any) -> Report:
        self._ask("run", *args, **options)
        return self.report

    def stream(self, *args: Any, **options: Any) -> FakeStream:
        self._ask("stream", *args, **options)
        return FakeStream(self.report)

    @property
    def config(self) -> FakeConfig:
        """Questions with the answers that the report gives."""
        answers: dict[str, list[str]] = {}
        for segment in self.report.segments:
            for name, found in segment.answers.items():
                answers.setdefault(name, []).extend(candidate.text for candidate in found)
        questions = {name: tuple(dict.fromkeys(labels)) for name, labels in answers.items()}
        return FakeConfig(
            {name: QuestionConfig(templates=("a [MASK]",), labels=labels) for name, labels in questions.items()}
        )

    def warmup(self) -> None:
        self._ask("warmup")

    def tokens(self, *args: Any, **options: Any) -> FakeTokens:
        self._ask("tokens", *args, **options)
        return FakeTokens(
            np.array([7, 1041], np.int32),
            np.array([0.0, 1.5]),
            np.array([1.5, 3.0]),
            np.array([12.0, 99.0], np.float32),
            **self._seen(),
        )

    def embed(self, *args: Any, **options: Any) -> Embedding:
        self._ask("embed", *args, **options)
        return Embedding(
            vector=np.array([0.25, -1.0, 3.0], np.float32),
            kind="joint",
            **self._seen(),
            unknown_words=self.unknown,
        )

    def fill(self, *args: Any, **options: Any) -> Fill:
        self._ask("fill", *args, **options)
        word = Filled(kind="word", index=0, candidates=candidates(("circle", 0.9), ("square", 0.1)))
        visual = Filled(kind="visual", index=1, candidates=candidates(("<712>", 0.4)), start_s=1.5, end_s=3.0)
        return Fill(text=args[0], filled=(word, visual), **self._seen(), unknown_words=self.unknown)

    def classify(self, *args: Any, **options: Any) -> Classification:
        self._ask("classify", *args, **options)
        segment = Segment(start_s=1.5, end_s=3.0, candidates=candidates(("red", 0.8), ("blue", 0.2)), percentile=40.0)
        return Classification(
            question=options["question"],
            templates=("a [MASK] circle",),
            labels=("red", "blue"),
            segments=(segment,),
            **self._seen(),
            unknown_words=self.unknown,
        )

    def align(self, *args: Any, **options: Any) -> Alignment:
        self._ask("align", *args, **options)
        windows = (
            AlignedWindow(start_s=0.0, end_s=24.0, score=0.75),
            AlignedWindow(start_s=24.0, end_s=30.0, score=0.5),
        )
        return Alignment(text=args[1], score=0.625, windows=windows, **self._seen(), unknown_words=self.unknown)


# What a child process runs to be `videobert` with this file's stand-in for the runtime; arguments follow.
FAKE_COMMAND = (
    sys.executable,
    "-c",
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import conftest, videobert; "
    "videobert.load = lambda *a, **k: conftest.FakeRuntime(); from videobert.cli.main import main; main()",
    str(Path(__file__).parent),
)


@pytest.fixture
def fake_command() -> tuple[str, ...]:
    return FAKE_COMMAND


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as strict JSON: exactly one value, and none of NaN, Infinity."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def said(self) -> str:
        """All that was written, as it reads where lines and frames are not broken."""
        return " ".join((self.out + self.err).replace("│", " ").split())


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `videobert` with these arguments in this process."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code=int(ended.value.code or 0), out=captured.out, err=captured.err)

    return run


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Runs `videobert` with stdout and stderr on a terminal of some width, and gives what it shows, styles included."""

    def run(width: int, *arguments: object, term: str = "xterm-256color") -> Ended:
        out, err = Terminal(), Terminal()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", term)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        return Ended(code=int(ended.value.code or 0), out=out.getvalue(), err=err.getvalue())

    return run


@pytest.fixture
def report() -> Report:
    return make_report()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """What `videobert.load` gives during the test."""
    runtime = FakeRuntime()

    def load(name: str, **options: Any) -> FakeRuntime:
        runtime.loaded = {"name": name, **options}
        return runtime

    monkeypatch.setitem(videobert.__dict__, "load", load)
    return runtime
