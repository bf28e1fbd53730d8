"""A stand-in for the runtime, so that the command line is tested apart from any model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from sample_report import candidates, make_report

from videobert.model.questions import QuestionConfig
from videobert.results.align import AlignedWindow, Alignment
from videobert.results.answer import Answer
from videobert.results.caption import Caption, Captions
from videobert.results.classify import Classification, Segment
from videobert.results.edit import EditedFilm, EditPlan, EditSpan, Sought, SoughtStretch
from videobert.results.embed import Embedding
from videobert.results.events import Event, Events, UnsureStretch
from videobert.results.evidence import Evidence
from videobert.results.fill import Fill, Filled
from videobert.results.forecast import Forecast, ForecastToken, Horizon
from videobert.results.index import Indexed, IndexedFile
from videobert.results.locate import Hit, Located
from videobert.results.origin import Origin
from videobert.results.run import Report, ReportSegment
from videobert.results.search import Found, FoundStretch
from videobert.results.sentiment import Sentiment, TextSentiment
from videobert.results.summarize import Summary, SummarySpan
from videobert.video.decoders.decoder_threads import MeasuredThreads
from videobert.visual.video_features import VideoFeatures


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
    scores: npt.NDArray[np.float32] | None = None
    sure: npt.NDArray[np.bool_] | None = None
    names: tuple[str, ...] | None = None

    @property
    def judgement(self) -> tuple[str, npt.NDArray[np.float32]]:
        return ("percentile", self.percentiles) if self.scores is None else ("probability", self.scores)

    def to_bytes(self) -> bytes:
        return b"tokens"


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


CLIPS = (Evidence(start_s=0.0, end_s=1.5, drop=0.25), Evidence(start_s=1.5, end_s=3.0, drop=-0.5))


def _clips(options: dict[str, Any]) -> tuple[Evidence, ...]:
    """What an answer rests on, if that was asked for."""
    return CLIPS if options["evidence"] else ()


@dataclass(frozen=True)
class FakeConfig:
    """As much of `ModelConfig` as the command line touches."""

    questions: dict[str, QuestionConfig]
    visual_tokens: int = 1042
    token_question: str | None = None
    has_tokens: bool = True


@dataclass
class FakeRuntime:
    """Answers every verb with a fixed result and remembers how it was asked.

    With a report without percentiles it is a model like `everyday`: its tokens are the labels of its first question.
    """

    loaded: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    report: Report = field(default_factory=make_report)
    unknown: tuple[str, ...] = ()
    decoder_threads: MeasuredThreads | None = None
    error: BaseException | None = None
    finds: bool = True
    fits: bool | None = True
    closed: bool = False
    of_a_file: str = "it is damaged"

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
        return self._with_evidence(options)

    def stream(self, *args: Any, **options: Any) -> FakeStream:
        self._ask("stream", *args, **options)
        return FakeStream(self._with_evidence(options))

    def _with_evidence(self, options: dict[str, Any]) -> Report:
        if not options["evidence"]:
            return self.report
        segments = tuple(
            dataclasses.replace(segment, evidence=dict.fromkeys(segment.answers, CLIPS))
            for segment in self.report.segments
        )
        return dataclasses.replace(self.report, segments=segments)

    @property
    def config(self) -> FakeConfig:
        """Questions with the answers that the report gives."""
        answers: dict[str, list[str]] = {}
        for segment in self.report.segments:
            for name, found in segment.answers.items():
                answers.setdefault(name, []).extend(candidate.text for candidate in found)
        questions = {name: tuple(dict.fromkeys(labels)) for name, labels in answers.items()}
        if self.report.percentile is not None:
            return FakeConfig(
                {name: QuestionConfig(templates=("a [MASK]",), labels=labels) for name, labels in questions.items()}
            )
        by = ["features", *["pictures"] * (len(questions) - 1)]
        return FakeConfig(
            {
                name: QuestionConfig(labels=labels, answered_by=each)
                for each, (name, labels) in zip(by, questions.items(), strict=True)
            },
            token_question=next(iter(questions)),
        )

    def warmup(self) -> None:
        self._ask("warmup")

    def tokens(self, *args: Any, **options: Any) -> FakeTokens:
        self._ask("tokens", *args, **options)
        judged: dict[str, Any] = {}
        if self.report.percentile is None:
            judged = {"scores": np.array([0.995, 0.31], np.float32), "sure": np.array([True, False])}
            judged["names"] = ("juggling", "arm wrestling")
        return FakeTokens(
            np.array([7, 1041], np.int32),
            np.array([0.0, 1.5]),
            np.array([1.5, 3.0]),
            np.array([12.0, 99.0], np.float32),
            **self._seen(),
            **judged,
        )

    def features(self, *args: Any, **options: Any) -> VideoFeatures:
        self._ask("features", *args, **options)
        return VideoFeatures(
            features=np.array([[3, 4], [0, 2]], np.float16),
            pictures={"object": np.zeros((2, 5), np.float16)},
            first_s=0.0,
            end_s=2.5,
            padded_frames=5,
            stride=1,
            clip_s=Fraction(3, 2),
            model="shapes",
            backbone="0" * 16,
            clip_recipe="1" * 16,
            engine="openvino",
            precision="bf16",
            origin=self.report.origin,
        )

    def edit(self, *args: Any, **options: Any) -> EditPlan:
        self._ask("edit", *args, **options)
        return EditPlan(
            spans=(
                EditSpan(
                    start_s=1.0, end_s=1.4, first_frame=25, frames=10, why="someone pours", score=0.75, unsure=True
                ),
                EditSpan(start_s=0.0, end_s=0.4, first_frame=0, frames=10, why="not cut out"),
            ),
            duration_s=0.8,
            film=EditedFilm(
                name="clip.mp4",
                start_s=0.0,
                end_s=1.6,
                frames=40,
                rate=Fraction(25),
                variable_rate=False,
                drop_frame=False,
                first_timecode=0,
                audio_tracks=0,
            ),
            instruction=args[1],
            steps=('move "someone pours" to the front', 'cut out "talking"'),
            sought=(
                Sought(
                    text="someone pours",
                    stretches=(SoughtStretch(start_s=1.0, end_s=1.4, score=0.75, evidence=_clips(options)),),
                ),
                Sought(text="talking", stretches=()),
            ),
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
        segment = Segment(
            start_s=1.5,
            end_s=3.0,
            candidates=candidates(("red", 0.8), ("blue", 0.2)),
            percentile=40.0,
            evidence=(Evidence(start_s=1.5, end_s=3.0, drop=0.3),) if options["evidence"] else (),
        )
        return Classification(
            question=options["question"],
            templates=("a [MASK] circle",),
            labels=("red", "blue"),
            segments=(segment,),
            **self._seen(),
            unknown_words=self.unknown,
        )

    def index(self, *args: Any, **options: Any) -> Indexed:
        self._ask("index", *args, **options)
        files = (
            IndexedFile(source="/films/a.mp4", state="added", stretches=3),
            IndexedFile(source="/films/b.mp4", state="unchanged", stretches=1),
            IndexedFile(source="/films/c.mp4", state="failed", error=self.of_a_file),
        )
        for number, file in enumerate(files):
            options["on_begin"](file.source, number, len(files))
            options["on_file"](file)
        return Indexed(index=str(args[1]), files=files, videos=2, stretches=4, origin=self.report.origin)

    def search(self, *args: Any, **options: Any) -> Found:
        self._ask("search", *args, **options)
        by_text = isinstance(args[0], str)
        hits = (
            FoundStretch(source="/films/a.mp4", start_s=1.5, end_s=4.5, score=0.875, evidence=_clips(options)),
            FoundStretch(source="/films/b.mp4", start_s=0.0, end_s=1.5, score=0.25, unsure=True),
        )
        return Found(
            query=args[0] if by_text else "clip.mp4",
            kind="text" if by_text else "video",
            span=options["span"],
            method="vectors, alignment" if by_text else "vectors",
            hits=hits if self.finds else (),
            videos=2,
            stretches=4,
            fits=self.fits if by_text else None,
            unknown_words=self.unknown,
            **self._seen(),
        )

    def align(self, *args: Any, **options: Any) -> Alignment:
        self._ask("align", *args, **options)
        windows = (
            AlignedWindow(start_s=0.0, end_s=24.0, score=0.75, evidence=_clips(options)),
            AlignedWindow(start_s=24.0, end_s=30.0, score=0.5),
        )
        return Alignment(text=args[1], score=0.625, windows=windows, **self._seen(), unknown_words=self.unknown)

    def caption(self, *args: Any, **options: Any) -> Captions:
        self._ask("caption", *args, **options)
        return Captions(
            segments=(
                Caption(start_s=0.0, end_s=1.5, text="It is red.", score=0.8, unsure=False, evidence=_clips(options)),
                Caption(start_s=1.5, end_s=3.0, text="Unsure what is shown here.", score=0.0, unsure=True),
            ),
            method="labels",
            **self._seen(),
        )

    def answer(self, *args: Any, **options: Any) -> Answer:
        self._ask("answer", *args, **options)
        return Answer(
            question=args[1],
            kind="yes_no",
            method="alignment",
            candidates=candidates(("yes", 0.9), ("no", 0.1)),
            start_s=1.5,
            end_s=3.0,
            unsure=False,
            statement="a red heart",
            evidence=(Evidence(start_s=1.5, end_s=3.0, drop=0.5),) if options["evidence"] else (),
            unknown_words=self.unknown,
            **self._seen(),
        )

    def locate(self, *args: Any, **options: Any) -> Located:
        self._ask("locate", *args, **options)
        return Located(
            text=args[1],
            hits=(
                Hit(start_s=0.0, end_s=3.0, score=0.9, fit=2.2, evidence=_clips(options)),
                Hit(start_s=6.0, end_s=7.5, score=0.6, fit=0.4, unsure=True),
            ),
            method="alignment",
            calibrated=True,
            unknown_words=self.unknown,
            **self._seen(),
        )

    def events(self, *args: Any, **options: Any) -> Events:
        self._ask("events", *args, **options)
        return Events(
            events=(
                Event(start_s=0.0, end_s=1.5, label="red", score=0.8, question="colour", evidence=_clips(options)),
                Event(start_s=3.0, end_s=4.0, label="blue", score=0.9, question="colour"),
            ),
            unsure=(UnsureStretch(start_s=1.5, end_s=3.0, question="colour"),),
            changes_s=(1.5, 3.0),
            cuts_s=(3.0,),
            at_least=options["at_least"],
            questions=("colour",),
            start_s=0.0,
            end_s=4.0,
            **self._seen(),
            unknown_words=self.unknown,
        )

    def forecast(self, *args: Any, **options: Any) -> Forecast:
        self._ask("forecast", *args, **options)
        answers = {"colour": candidates(("red", 0.9))[0]}
        tokens = (ForecastToken(token=712, score=0.5, answers=answers), ForecastToken(token=7, score=0.25))
        horizons = (
            Horizon(ahead=1, start_s=9.0, end_s=10.5, candidates=tokens),
            Horizon(ahead=3, start_s=12.0, end_s=13.5, candidates=tokens[:1], covered=0.75),
        )
        return Forecast(
            horizons=horizons, method="masked", context_clips=4, until_s=9.0, evidence=_clips(options), **self._seen()
        )

    def summarize(self, *args: Any, **options: Any) -> Summary:
        self._ask("summarize", *args, **options)
        spans = (
            SummarySpan(
                start_s=1.5,
                end_s=3.0,
                reason="rare: 1.5 s of 60.0 s look like it",
                score=0.25,
                why="rare",
                alike_s=1.5,
                stands_for_s=1.5,
                evidence=_clips(options),
            ),
            SummarySpan(
                start_s=30.0,
                end_s=33.0,
                reason="stands for 40.0 s of 60.0 s; a part of a shot of 25.0 s",
                score=0.5,
                why="stands_for",
                alike_s=45.0,
                stands_for_s=40.0,
                part_of=(20.0, 45.0),
            ),
        )
        return Summary(
            spans=spans,
            budget_s=6.0,
            duration_s=60.0,
            cover=0.75,
            shots_by="differences",
            text=options["text"],
            unsure=options["text"] == "an elephant",
            **self._seen(),
            unknown_words=self.unknown,
        )

    def sentiment(self, *args: Any, **options: Any) -> Sentiment:
        self._ask("sentiment", *args, **options)
        of_video = candidates(("happy", 0.75), ("sad", 0.25))
        segments = (
            Segment(start_s=0.0, end_s=1.5, candidates=of_video, percentile=40.0, evidence=_clips(options)),
            Segment(start_s=1.5, end_s=3.0, candidates=of_video, percentile=40.0, unsure=True),
        )
        text = None
        if options["text"] is not None:
            said = candidates(("sad", 0.6), ("happy", 0.4))
            text = TextSentiment(text=options["text"], candidates=said, method="cloze", unknown_words=self.unknown)
        if args[0] is None:
            origin = self.report.origin
            return Sentiment(
                question=None,
                answered_by=None,
                candidates=(),
                segments=(),
                unsure=False,
                percentile=None,
                out_of_domain=None,
                origin=origin,
                text=text,
            )
        return Sentiment(
            question="mood",
            answered_by="templates",
            candidates=of_video,
            segments=segments,
            unsure=False,
            **self._seen(),
            text=text,
        )
