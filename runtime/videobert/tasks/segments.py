"""Segments: stretches of a video in which every answer stays the same, each given when it closes."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import whole
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError
from videobert.base.spans import span
from videobert.pipeline.answering import Answered, Answering, Row, Scorers
from videobert.pipeline.assign import BLOCK
from videobert.pipeline.events import ClipRead, Ended, FeatureFound, TokenFound
from videobert.pipeline.kept_answers import KeptAnswers
from videobert.pipeline.label_sentence import AT_LEAST, label_sentence, told_questions
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.percentiles import Percentiles
from videobert.pipeline.pictures import Picture, Pictures, middle_picture
from videobert.pipeline.ranking import check_top
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Clips, Scorer
from videobert.pipeline.shot_parts import ShotParts
from videobert.pipeline.stills import Stills
from videobert.pipeline.video_name import video_name
from videobert.pipeline.watch import Walk
from videobert.pipeline.watched import is_out_of_domain
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence
from videobert.results.run import Report, ReportSegment


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of the video when the last segment was given."""

    duration_s: float
    percentile: float | None


class _AnsweredClip(NamedTuple):
    """A clip with its answers; the video was seen up to `seen_s` when they were given."""

    token: TokenFound
    answered: Answered
    picture: Picture | None
    seen_s: float


class Segments:
    """The segments of one video, and the report on what was seen of it.

    Each clip is answered with its neighbours and joins the open segment, or closes it and opens the next one. A cut
    closes it too, where the model knows shots.

    Args:
        opened: the model.
        video, top, context_clips, request, with_evidence: see `Runtime.stream`.
        at_once: see `Walk`.

    Raises:
        UsageError: an argument that is out of range.
        InputError, MismatchError: see `Walk`.
    """

    def __init__(
        self,
        opened: OpenedModel,
        video: Any,
        top: int,
        context_clips: int,
        with_evidence: bool,
        request: Request,
        *,
        at_once: bool,
    ) -> None:
        began = time.perf_counter()
        self._opened, self._top = opened, check_top(top)
        self._context_clips = whole(
            "context_clips", context_clips, least=0, allowed="0 or more", fix="0 judges each clip by itself."
        )
        self._cancel, self._with_evidence = request.cancel, with_evidence
        self._source = video_name(video)
        self._shots = ShotParts(opened, request)
        self._walk = Walk(opened, video, request, at_once=at_once, on_frame=self._shots.on_frame)
        if self._walk.given is not None:
            self._shots.take_saved(self._walk.given)
        self._scorers = Scorers.of_model(opened, tokens_only=self._walk.saved is not None)
        self._all_scorers = self._scorers.all(opened)
        # Questions about single pictures do not part segments.
        pictures = opened.picture_classifiers
        self._parting = [
            name
            for name in self._all_scorers
            if name not in pictures and opened.config.questions[name].of not in pictures
        ]
        self._told = told_questions(opened, self._all_scorers)
        self._start_s: float | None = None
        self._percentiles = Percentiles()
        self._seen: _Seen | None = None
        self._stills = Stills()
        self._answering: Answering | None = None
        self._total_s = time.perf_counter() - began

    def steps(self) -> Generator[ReportSegment, None, None]:
        """The segments, to be walked once; closing the generator releases the video."""
        began = time.perf_counter()
        with closing(self._closed()) as stretches:
            for stretch in stretches:
                segment = self._in_words(stretch.result(self._all_scorers, self._top))
                self._total_s += time.perf_counter() - began
                yield segment
                began = time.perf_counter()
        self._total_s += time.perf_counter() - began

    def _in_words(self, segment: ReportSegment) -> ReportSegment:
        """The segment with what a sentence makes of its answers."""
        if not self._told:
            return segment
        best = {name: segment.answers[name][0] for name in self._told}
        stands = {name: name not in segment.unsure and each.score >= AT_LEAST for name, each in best.items()}
        answers = {name: (each.text, each.score) if stands[name] else None for name, each in best.items()}
        text, _ = label_sentence(self._opened.config, answers)
        return replace(segment, sentence=text)

    def report(self) -> Report:
        """All but the segments of a report, on all that was seen when the last segment was given.

        Raises:
            InputError: none was given yet.
        """
        seen = self._seen
        if seen is None:
            raise InputError("no segment was given yet", fix="Take the first one, then ask.")
        seconds = self._walk.seconds
        return Report(
            source=self._source,
            duration_s=seen.duration_s,
            video=self._walk.info,
            segments=(),
            percentile=seen.percentile,
            out_of_domain=is_out_of_domain(self._opened, seen.percentile),
            timings_s={
                **{stage: seconds[stage] for stage in ("decode", "backbone", "assign")},
                "encode": 0.0 if self._answering is None else self._answering.busy_s,
                "total": self._total_s,
            },
            origin=self._opened.resting_on(self._walk.origin, text=True, video=True, questions=self._all_scorers),
            stills=self._stills.all(),
            shots=self._shots.shots(self._start_s or 0.0, (self._start_s or 0.0) + seen.duration_s),
            shots_by=self._shots.by,
        )

    def _closed(self) -> Generator[_Stretch, None, None]:
        stretch: _Stretch | None = None
        before_s = 0.0
        with closing(self._in_shots()) as clips:
            for clip in clips:
                if isinstance(clip, Ended):
                    if stretch is not None:
                        stretch.end_s, stretch.padded_frames = clip.end_s, clip.padded_frames
                        self._watch(clip.end_s)
                        yield stretch
                    return
                stop_if(self._cancel)
                token, middle_s = clip.token, (clip.token.start_s + clip.token.end_s) / 2
                cut_s = None if stretch is None else self._shots.cut_between(before_s, middle_s)
                before_s = middle_s
                standing = token.number == self._walk.standing and self._opened.token_classifier is not None
                if stretch is not None and cut_s is None and standing:
                    stretch.hold(token, clip.picture)
                    continue
                if stretch is not None and (cut_s is not None or not self._goes_on(stretch, clip.answered)):
                    stretch.end_s = stretch.end_s if cut_s is None else cut_s
                    self._watch(clip.seen_s)
                    yield stretch
                    stretch = None
                if stretch is None:
                    start_s = token.start_s if cut_s is None else cut_s
                    stretch = _Stretch(start_s, self._best(clip.answered), with_evidence=self._with_evidence)
                stretch.add(token, clip.answered, clip.picture)

    def _in_shots(self) -> Generator[_AnsweredClip | Ended, None, None]:
        """The answered clips, each once the cuts in it are known; of a live source at once, with what is known then."""
        waiting: deque[_AnsweredClip] = deque()
        with self._shots, closing(self._answered()) as clips:
            for clip in clips:
                if isinstance(clip, Ended):
                    self._shots.finish()
                    yield from waiting
                    yield clip
                    return
                waiting.append(clip)
                while waiting and (self._shots.decided(waiting[0].token.end_s) or self._walk.live):
                    yield waiting.popleft()

    def _answered(self) -> Generator[_AnsweredClip | Ended, None, None]:
        """The clips of the video with their answers, in order, and its end."""
        waiting: deque[TokenFound] = deque()
        pictures: dict[int, Picture] = {}
        features: dict[int, FeatureFound] = {}
        with closing(self._walk.events()) as events, ExitStack() as stack:
            for event in events:
                if isinstance(event, ClipRead):
                    with span("pictures"):
                        pictures[event.number] = middle_picture(event.clip)
                        self._stills.add(event.clip)
                    if self._walk.of_clips:
                        self._shots.see_given(event)
                elif isinstance(event, FeatureFound):
                    if self._opened.wants_features:
                        features[event.number] = event
                elif isinstance(event, TokenFound):
                    if self._answering is None:
                        self._answering = stack.enter_context(closing(self._begun()))
                    self._start_s = event.start_s if self._start_s is None else self._start_s
                    if event.percentile is not None:
                        self._percentiles.add(event.percentile)
                    waiting.append(event)
                    clip = _clip(event, features.pop(event.number, None))
                    for answered in self._answering.add(clip, self._cancel):
                        token = waiting.popleft()
                        yield _AnsweredClip(token, answered, pictures.pop(token.number, None), event.end_s)
                elif self._answering is not None:
                    for answered in self._answering.finish(self._cancel):
                        token = waiting.popleft()
                        yield _AnsweredClip(token, answered, pictures.pop(token.number, None), event.end_s)
                    yield event

    def _begun(self) -> Answering:
        group = None if self._walk.saved is not None else 1 if self._walk.live else BLOCK
        # A live source's reader waits for its answers, and where threads are limited one thing is done at a time.
        beside = not self._walk.live and self._opened.threads is None
        return Answering(self._opened, self._scorers, self._context_clips, group, beside=beside)

    def _goes_on(self, stretch: _Stretch, answered: Answered) -> bool:
        """Whether the answers are the same; in a model without questions, whether the window is not full."""
        if not self._parting:
            return stretch.clips < self._opened.config.window_clips
        return self._best(answered) == stretch.best

    def _best(self, answered: Answered) -> tuple[int | None, ...]:
        """The best label of each question that parts segments; None where it is left open."""
        return tuple(None if name in answered.unsure else int(answered.scores[name].argmax()) for name in self._parting)

    def _watch(self, end_s: float) -> None:
        """Note how far the video was seen."""
        # Replaced as a whole: a report may be asked for from another thread.
        self._seen = _Seen(end_s - (self._start_s or 0.0), self._percentiles.median())


class _Stretch:
    """An open segment. What it holds does not grow with its length, but for its tokens."""

    def __init__(self, start_s: float, best: tuple[int | None, ...], *, with_evidence: bool) -> None:
        self.start_s = self.end_s = start_s
        self.best = best
        self.tokens: list[int] = []
        self.clips = 0
        self.percentiles = Percentiles()
        self.padded_frames = 0
        self._sums: dict[str, Row] = {}
        self._unsure: Counter[str] = Counter()
        self._answered = 0
        self._pictures = Pictures()
        self._answers = KeptAnswers() if with_evidence else None

    def add(self, token: TokenFound, answered: Answered, picture: Picture | None) -> None:
        """One more clip."""
        self._take(token)
        if token.percentile is not None:
            self.percentiles.add(token.percentile)
        self._pictures.add(picture)
        self._unsure.update(answered.unsure)
        self._answered += 1
        probabilities = {name: np.exp(row) for name, row in answered.scores.items()}
        for name, row in probabilities.items():
            self._sums[name] = self._sums.get(name, 0.0) + row
        if self._answers is not None:
            self._answers.add(token.start_s, token.end_s, probabilities)

    def hold(self, token: TokenFound, picture: Picture | None) -> None:
        """One more clip, which goes on as those before it: what is said of it does not count."""
        self._take(token)
        self._pictures.add(picture)

    def _take(self, token: TokenFound) -> None:
        self.end_s = token.end_s
        self.clips += 1
        if token.id is not None:
            self.tokens.append(token.id)

    def result(self, scorers: dict[str, Scorer], top: int) -> ReportSegment:
        """The segment as it stands."""
        return ReportSegment(
            start_s=self.start_s,
            end_s=self.end_s,
            answers={name: self._ranked(name, scorer, top) for name, scorer in scorers.items()},
            tokens=tuple(self.tokens),
            percentile=self.percentiles.median(),
            padded_frames=self.padded_frames,
            # More than half of its clips; where the question parts segments that is all of them or none.
            unsure=tuple(name for name in scorers if 2 * self._unsure[name] > self._answered),
            thumbnail=self._pictures.middle(),
            evidence={name: self._evidence(name) for name in scorers} if self._answers is not None else {},
        )

    def _evidence(self, name: str) -> tuple[Evidence, ...]:
        if self._answers is None:
            return ()
        # Up to where the stretch ends: its last clip may reach over a cut.
        return self._answers.evidence(name, int(self._sums[name].argmax()), self.start_s, self.end_s)

    def _ranked(self, name: str, scorer: Scorer, top: int) -> tuple[Candidate, ...]:
        """The mean probability over the stretch's clips keeps the answer that each of them gave."""
        with np.errstate(divide="ignore"):
            return scorer.candidates(np.log(self._sums[name] / self._answered), top)


def _clip(token: TokenFound, seen: FeatureFound | None) -> Clips:
    def one(value: float | bool | None, dtype: type[np.generic]) -> npt.NDArray[Any] | None:
        return None if value is None else np.array([value], dtype)

    return Clips(
        ids=np.array([] if token.id is None else [token.id], np.int32),
        features=None if seen is None else seen.feature[None],
        scores=one(token.score, np.float32),
        sure=one(token.sure, np.bool_),
        pictures={} if seen is None else {name: logits[None] for name, logits in seen.pictures.items()},
    )
