"""Notes on stderr for the person at the terminal: what to know of an answer beside what it says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from videobert.cli.stdout import for_a_person
from videobert.report.facts import recomputed_words, untrained_words
from videobert.report.open_answers import UNSURE, UNSURE_MEANS
from videobert.report.safe_text import printable
from videobert.report.screen import width_of, wrapped
from videobert.video.decoders.decoder_threads import DecoderThreads, MeasuredThreads

if TYPE_CHECKING:
    from videobert.cli.parser.options import CommonOptions
    from videobert.model.config import ModelConfig
    from videobert.results.origin import Origin

_LONGEST_LIST = 300


class Answer(Protocol):
    """What every answer says of itself.

    One that is judged has `percentile` and `out_of_domain` too, one that takes text `unknown_words`.
    """

    @property
    def origin(self) -> Origin | None: ...


def note(text: str, options: CommonOptions) -> None:
    """One line for the person at the terminal, unless they asked for quiet."""
    if not options.quiet:
        lines = wrapped(printable(text), width_of(sys.stderr), rest="  ")
        print("\n".join(lines), file=sys.stderr, flush=True)


def note_unsure(unsure: int, count: int, noun: str, options: CommonOptions) -> None:
    """Says to the person at the terminal, before the answers, how many of them the model leaves open."""
    if unsure and for_a_person():
        note(f"{UNSURE}: {unsure} of {count} {noun}: {UNSURE_MEANS}", options)


def note_nothing_asked(config: ModelConfig, options: CommonOptions) -> None:
    """Of a model that says nothing of a video unless it is asked something: what it can be asked.

    Its reports hold times and nothing else.
    """
    if config.questions or config.has_tokens:
        return
    from videobert.families.verbs_of import verbs_of

    verbs = ", ".join(verb for verb in verbs_of(config, sees=True) if verb != "run")
    note(f"note: this model has no questions of its own and no visual tokens; it can be asked: {verbs}", options)


def note_decoder_threads(found: DecoderThreads, options: CommonOptions) -> None:
    """Says how many threads were measured to be the fastest to decode with, or why nothing was."""
    if not isinstance(found, MeasuredThreads):
        note("note: how many threads decode was not measured: here there is nothing to choose", options)
    elif not found.quiet:
        note("note: how many threads decode was not measured: other processes were at work; all do", options)
    else:
        note(f"note: measured: {found.threads} threads decode, and more where pictures are large", options)


def note_answer(answer: Answer, options: CommonOptions) -> None:
    """Says what ran and what was read, where that was not the first choice or not all, and how far to trust it."""
    if answer.origin is not None:
        _note_origin(answer.origin, options)
    _note_domain(getattr(answer, "percentile", None), getattr(answer, "out_of_domain", None), options)
    if getattr(answer, "cuts_unknown", False):
        note("note: where shots of this video begin is not known: answers near cuts may mix two scenes", options)
    _note_unknown(getattr(answer, "unknown_words", ()), options)


def _note_origin(origin: Origin, options: CommonOptions) -> None:
    """Says what ran the model, if it was not the first choice, and what of the video was read, if it was not all."""
    if origin.fallback:
        note(f"note: {origin.engine} on {origin.device}, {origin.precision}: {origin.fallback}", options)
    if origin.recomputed:
        note(f"note: {recomputed_words(origin)}", options)
    if origin.untrained:
        note(f"note: untrained: {untrained_words(origin)}", options)
    if origin.decoder_fallback:
        note(f"note: decoded with pyav: {origin.decoder_fallback}", options)
    if origin.tracks is not None:
        note(f"note: video track {origin.track} of 0–{origin.tracks - 1} was read; --track chooses another", options)
    for count, words in (
        (origin.frames_left_out, "frames whose time does not fit, left out"),
        (origin.stills_cut, "pictures that stood still too long, cut"),
    ):
        if count:
            note(f"note: {words}: {count}", options)


def _note_domain(percentile: float | None, out_of_domain: bool | None, options: CommonOptions) -> None:
    """Says that a video is unlike what the model was trained on."""
    if out_of_domain:
        note(f"note: out of domain (median percentile {percentile:.0f}): the answers mean little", options)


def _note_unknown(words: tuple[str, ...], options: CommonOptions) -> None:
    """Says which words of the caller's text the model does not know."""
    if words:
        text = ", ".join(words)
        shown = text if len(text) <= _LONGEST_LIST else text[:_LONGEST_LIST] + "…"
        note(f"note: the model does not know: {shown}", options)
