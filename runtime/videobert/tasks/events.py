"""`events`: what goes on in a video, and from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import number
from videobert.base.errors import UsageError
from videobert.pipeline.answering import Scorers
from videobert.pipeline.evidence import mean_evidence
from videobert.pipeline.label_runs import Run, Said, best_path, extended, runs, without_gaps
from videobert.pipeline.meaning_scorer import MeaningScorer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.scorer_choice import origin_of_scores, scorer_for
from videobert.pipeline.scoring import Scorer
from videobert.pipeline.seen_in_shots import SeenInShots, see_in_shots
from videobert.results.events import Event, Events, UnsureStretch
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin

# Shots shorter than this share of a clip are shown to no model: what goes on before and behind goes on there.
_SHORT_SHARE = 1 / 8


def events(
    opened: OpenedModel,
    video: Any,
    labels: Iterable[str] | None,
    question: str | None,
    at_least: float,
    with_evidence: bool,
    request: Request,
) -> Events:
    """See `Runtime.events`."""
    least = number("at_least", at_least, least=0, most=1, allowed="0 to 1", fix="0.5 takes what is likelier than not.")
    own: Scorer | None = None
    if labels is not None and question is None and opened.can("classifies") and opened.chooses_labels is None:
        raise UsageError(
            "this model judges labels in the sentences of a question",
            allowed=f"questions: {', '.join(opened.config.questions) or 'none'}",
            fix="Name the question whose sentences the labels fill.",
            fix_cli="Name the question whose sentences the labels fill: --question.",
        )
    if labels is not None or question is not None:
        own = scorer_for(opened, labels, None, question)
    elif not opened.config.questions:
        opened.need("classifies")
        raise UsageError(
            "labels must be given: this model has no questions of its own",
            seen=opened.config.name,
            fix='For example labels=["cooking", "sports"].',
            fix_cli="For example --label cooking --label sports.",
        )
    seen = see_in_shots(opened, video, request)
    scorers = model_scorers(opened, seen) if own is None else {question: own}
    found: list[Event] = []
    unsure: list[UnsureStretch] = []
    for name, scorer in scorers.items():
        for said in said_of(opened, seen, scorer, least, request):
            run = said.run
            if said.label is None:
                unsure.append(UnsureStretch(start_s=run.start_s, end_s=run.end_s, question=name))
                continue
            found.append(
                Event(
                    start_s=run.start_s,
                    end_s=run.end_s,
                    label=said.label,
                    score=run.score,
                    question=name,
                    evidence=_evidence(seen, said) if with_evidence else (),
                )
            )
    edges = {edge for event in found for edge in (event.start_s, event.end_s)}
    edges |= {edge for stretch in unsure for edge in (stretch.start_s, stretch.end_s)}
    return Events(
        events=tuple(sorted(found, key=lambda event: event.start_s)),
        unsure=tuple(sorted(unsure, key=lambda stretch: stretch.start_s)),
        changes_s=tuple(sorted(edges - {seen.start_s, seen.end_s})),
        cuts_s=seen.cuts_s,
        at_least=least,
        questions=tuple(name for name in scorers if name is not None),
        start_s=seen.start_s,
        end_s=seen.end_s,
        percentile=seen.percentile,
        out_of_domain=seen.out_of_domain,
        origin=_origin(opened, seen.origin, scorers, own_labels=labels is not None),
        unknown_words=() if own is None else own.unknown_words,
    )


def model_scorers(opened: OpenedModel, seen: SeenInShots) -> dict[str | None, Scorer]:
    """What scores the model's own questions, in their order; of saved tokens those that they answer."""
    known = Scorers.of_model(opened, tokens_only=seen.tokens_only).all(opened)
    return {name: scorer for name, scorer in known.items()}


class SaidRun(NamedTuple):
    """A run of clips that say the same.

    Args:
        label: None where the answer is left open.
        probabilities: of the label in every clip of the video, float64 `(parts,)`; None where there is no label.
        nothing: its probability where nothing is seen.
    """

    run: Run
    label: str | None
    probabilities: npt.NDArray[np.float64] | None = None
    nothing: float = 0.0


def said_of(opened: OpenedModel, seen: SeenInShots, scorer: Scorer, least: float, request: Request) -> list[SaidRun]:
    """The runs of what a scorer says."""
    alone = isinstance(scorer, MeaningScorer) and opened.compares is None
    scored = scorer.score(seen.parts, request.cancel)
    rows, sure = scored.log_scores, scored.sure.tolist()
    gap_s = _SHORT_SHARE * opened.recipe.clip_duration_s + 1e-6
    if alone:
        return _each_for_itself(seen, scorer.labels, rows, sure, least, gap_s)
    said: list[Said] = []
    for shot in seen.by_shot():
        path = best_path(rows[shot.start : shot.stop])
        scores = np.exp(rows[shot, path])
        stands = [sure[place] and scores[at] >= least for at, place in enumerate(shot)]
        # Where the model stands to what it sees, it has seen the neighbours of a clip too.
        near = [sure[place] or 2 * scores[at] >= least for at, place in enumerate(shot)]
        labels = extended(path.tolist(), scores.tolist(), stands, near, least)
        said += [Said(*_time(seen, place), labels[at], float(scores[at])) for at, place in enumerate(shot)]
    found = runs(without_gaps(said, seen.start_s, seen.end_s, gap_s), gap_s)
    nothing = 1 / rows.shape[1]
    return [
        SaidRun(run, None)
        if run.label is None
        else SaidRun(run, scorer.labels[run.label], np.exp(rows[:, run.label]), nothing)
        for run in found
    ]


def _each_for_itself(
    seen: SeenInShots, labels: tuple[str, ...], rows: Any, sure: list[bool], least: float, gap_s: float
) -> list[SaidRun]:
    """Labels that are judged by their meaning: several may fit at once, or none, and that is an answer too."""
    # Against "none of these", which is the last one: the probability of a label by itself.
    odds = rows[:, :-1] - rows[:, -1:]
    probabilities = np.exp(-np.logaddexp(0.0, -odds))
    found: list[SaidRun] = []
    for column, label in enumerate(labels):
        said = []
        for shot in seen.by_shot():
            scores = [float(probabilities[place, column]) for place in shot]
            stands = [sure[place] and score >= least for place, score in zip(shot, scores, strict=True)]
            near = [2 * score >= least for score in scores]
            fits = extended([0] * len(shot), scores, stands, near, least)
            said += [Said(*_time(seen, place), fits[at], scores[at]) for at, place in enumerate(shot)]
        here = [run for run in runs(said, gap_s) if run.label is not None]
        # An even chance against "none of these", where nothing is seen.
        found += [SaidRun(run, label, probabilities[:, column], 0.5) for run in here]
    known = [Said(*_time(seen, place), 0 if is_sure else None) for place, is_sure in enumerate(sure)]
    left_open = runs(without_gaps(known, seen.start_s, seen.end_s, gap_s), gap_s)
    return found + [SaidRun(run, None) for run in left_open if run.label is None]


def _evidence(seen: SeenInShots, said: SaidRun) -> tuple[Evidence, ...]:
    clips = seen.within(said.run.start_s, said.run.end_s)
    if said.probabilities is None or not clips:
        return ()
    return mean_evidence(seen.times, clips, said.probabilities, without_any=said.nothing)


def _time(seen: SeenInShots, place: int) -> tuple[float, float]:
    return seen.parts[place].start_s, seen.parts[place].end_s


def _origin(opened: OpenedModel, origin: Origin, scorers: Iterable[str | None], *, own_labels: bool) -> Origin:
    names = [name for name in scorers if name is not None]
    if len(names) == 1 or not names:
        return origin_of_scores(opened, origin, names[0] if names else None, own_labels=own_labels)
    return opened.resting_on(origin, text=True, video=True, questions=names)
