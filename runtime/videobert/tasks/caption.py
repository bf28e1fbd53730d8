"""`caption`: sentences about a video, each about a stretch of its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.families.family import Generates, Told
from videobert.families.registry import lacks
from videobert.pipeline.asked_span import Span, check_span
from videobert.pipeline.evidence import evidence, mean_evidence
from videobert.pipeline.generate.generate import best_sentences
from videobert.pipeline.generate.given_words import mean_log_probs
from videobert.pipeline.generate.options import Search
from videobert.pipeline.label_runs import Run
from videobert.pipeline.label_sentence import AT_LEAST, label_sentence, told_questions
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Clips, Scorer
from videobert.pipeline.seen_in_shots import SeenInShots, see_in_shots
from videobert.pipeline.windows import Window
from videobert.results.caption import Caption, Captions
from videobert.results.evidence import Evidence
from videobert.tasks.events import SaidRun, model_scorers, said_of
from videobert.text.answer_sentences import UNSURE_TEXT, sentence

# Words of a sentence at most, as captions of a few seconds are; and how many are followed at a time.
_MOST_WORDS, _BEAMS = 32, 5
# Edges closer than this are one.
_SAME_S = 1e-6
# For each question its runs with their labels.
_Runs = Mapping[str, Sequence[SaidRun]]


def caption(opened: OpenedModel, video: Any, span: object, with_evidence: bool, request: Request) -> Captions:
    """See `Runtime.caption`."""
    within = check_span(span)
    writes = opened.can("generates")
    if not writes and not opened.config.questions:
        raise lacks(opened.config, "generates")
    seen = see_in_shots(opened, video, request, within)
    scorers = _told_by(opened, seen)
    if within is None:
        runs = {name: said_of(opened, seen, scorer, AT_LEAST, request) for name, scorer in scorers.items()}
    else:
        runs = {name: [_overall(seen, scorer, request)] for name, scorer in scorers.items()}
    stretches = _stretches(seen, runs, whole=within is not None)
    if writes:
        segments = _written(opened, seen, stretches, with_evidence, request)
        origin = opened.resting_on(seen.origin, "generates", video=True)
    else:
        segments = _by_labels(opened, seen, stretches, runs, with_evidence)
        origin = opened.resting_on(seen.origin, text=True, video=True, questions=scorers)
    return Captions(
        segments=segments,
        method="decoder" if writes else "labels",
        percentile=seen.percentile,
        out_of_domain=seen.out_of_domain,
        origin=origin,
        cuts_unknown=seen.cuts_s is None,
    )


def _told_by(opened: OpenedModel, seen: SeenInShots) -> dict[str, Scorer]:
    """What answers the questions that a sentence is made of: about what goes on, if there are any, not pictures."""
    known = {str(name): scorer for name, scorer in model_scorers(opened, seen).items()}
    return {name: known[name] for name in told_questions(opened, known)}


def _stretches(seen: SeenInShots, runs: _Runs, *, whole: bool) -> list[Span]:
    """What was looked at, cut wherever an answer changes; where there are no answers to be had, into its shots."""
    if whole:
        return [(seen.start_s, seen.end_s)]
    edges = {seen.start_s, seen.end_s}
    edges |= {edge for said in runs.values() for each in said for edge in (each.run.start_s, each.run.end_s)}
    if not runs:
        edges |= set(seen.cuts_s or ())
    rising = sorted(edges)
    apart = [edge for place, edge in enumerate(rising) if place == 0 or edge - rising[place - 1] > _SAME_S]
    return list(pairwise(apart))


def _by_labels(
    opened: OpenedModel, seen: SeenInShots, stretches: Sequence[Span], runs: _Runs, with_evidence: bool
) -> tuple[Caption, ...]:
    """A sentence of the answers for each stretch; neighbours that are left open are one."""
    found: list[Caption] = []
    for start_s, end_s in stretches:
        middle_s = (start_s + end_s) / 2
        answers: dict[str, tuple[str, float] | None] = {}
        named: list[SaidRun] = []
        for name, said in runs.items():
            here = next((each for each in said if each.run.start_s <= middle_s < each.run.end_s), None)
            # What is said of a film unlike any that the model knows means little.
            known = here is not None and here.label is not None and not seen.out_of_domain
            answers[name] = (str(here.label), here.run.score) if here is not None and known else None
            named += [here] if here is not None and known else []
        text, score = label_sentence(opened.config, answers)
        made = Caption(
            start_s=start_s,
            end_s=end_s,
            text=text,
            score=score,
            unsure=text == UNSURE_TEXT,
            evidence=_evidence(seen, (start_s, end_s), named) if with_evidence else (),
        )
        if found and found[-1].unsure and made.unsure:
            made = Caption(start_s=found.pop().start_s, end_s=end_s, text=text, score=score, unsure=True)
        found.append(made)
    return tuple(found)


def _evidence(seen: SeenInShots, stretch: Span, named: Sequence[SaidRun]) -> tuple[Evidence, ...]:
    """What each clip of a stretch adds to the mean probability of the labels that its sentence names."""
    clips = seen.within(*stretch)
    columns = [each.probabilities for each in named if each.probabilities is not None]
    if not columns or not clips:
        return ()
    nothing = float(np.mean([each.nothing for each in named]))
    return mean_evidence(seen.times, clips, np.mean(columns, axis=0), without_any=nothing)


def _overall(seen: SeenInShots, scorer: Scorer, request: Request) -> SaidRun:
    """One answer for all that was looked at: the mean over its clips, each weighed by its time."""
    scored = scorer.score(seen.parts, request.cancel)
    lasts = np.array([part.end_s - part.start_s for part in seen.parts])
    shares = lasts / lasts.sum()
    means = shares @ np.exp(scored.log_scores)
    best = int(means.argmax())
    sure = float(shares @ scored.sure) >= 0.5 and means[best] >= AT_LEAST
    run = Run(seen.start_s, seen.end_s, best if sure else None, float(means[best]))
    if not sure:
        return SaidRun(run, None)
    return SaidRun(run, scorer.labels[best], np.exp(scored.log_scores[:, best]), 1 / len(means))


def _written(
    opened: OpenedModel, seen: SeenInShots, stretches: Sequence[Span], with_evidence: bool, request: Request
) -> tuple[Caption, ...]:
    """The decoder's sentence for each stretch, all of them searched for together."""
    family = opened.family
    if not isinstance(family, Generates):
        raise lacks(opened.config, "generates")
    most = min(opened.config.window_clips, family.room(0))
    windows = [part for start_s, end_s in stretches for part in _in_equal_parts(seen.within(start_s, end_s), most)]
    decoder = family.decoder

    def told(stretches: Sequence[Sequence[int]]) -> Told:
        clips = [_together([seen.parts[at] for at in each]) for each in stretches]
        return family.told([()] * len(clips), clips, request.cancel)

    def rests_on(window: Sequence[int], ids: Sequence[int]) -> tuple[Evidence, ...]:
        def score(stretches: Sequence[Sequence[int]]) -> npt.NDArray[np.floating]:
            return np.exp(mean_log_probs(decoder, told(stretches), ids, request.cancel))

        # A clip alone is held against what all words have where nothing is known.
        return evidence(seen.times, window, score, without_any=1 / decoder.words)

    search = Search(beams=_BEAMS, most=min(_MOST_WORDS, decoder.positions))
    found = []
    for window, sentences in zip(
        windows, best_sentences(decoder, told(windows), search, cancel=request.cancel), strict=True
    ):
        words = opened.tokenizer.sentence(sentences[0].ids) if sentences else ""
        unsure = seen.out_of_domain or not words
        found.append(
            Caption(
                start_s=seen.parts[window[0]].start_s,
                end_s=seen.parts[window[-1]].end_s,
                text=sentence(words) if words else UNSURE_TEXT,
                score=float(np.exp(sentences[0].normalised)) if words else 0.0,
                unsure=unsure,
                evidence=rests_on(window, sentences[0].ids) if with_evidence and words else (),
            )
        )
    return tuple(found)


def _in_equal_parts(parts: Sequence[int], most: int) -> list[Sequence[int]]:
    """Neighbouring clips, `most` at a time and as evenly as they go."""
    count = -(-len(parts) // most)
    edges = [round(number * len(parts) / count) for number in range(count + 1)] if count else []
    return [parts[a:b] for a, b in pairwise(edges)]


def _together(parts: Sequence[Window]) -> Clips:
    rows = [part.features for part in parts]
    return Clips(
        ids=np.concatenate([part.ids for part in parts]),
        features=None if any(row is None for row in rows) else np.concatenate([row for row in rows if row is not None]),
    )
