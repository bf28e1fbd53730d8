"""What the words of a text suggest: a guess by what a model knows of words, which nobody calibrated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.errors import UsageError
from videobert.families.log_softmax import log_softmax
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.questions import LABEL
from videobert.pipeline.reading import read_text
from videobert.results.candidate import Candidate
from videobert.results.sentiment import TextMethod, TextSentiment
from videobert.text.reader import MASK

Scores = npt.NDArray[np.floating]

LABELS = ("positive", "negative", "neutral")
_WORD = re.compile(r"\w+")
_TEMPLATES = (f"it is {LABEL}",)
# What a text is held against where texts are compared, and the cosine that makes one label e times another.
_SENTENCE, _SCALE = "This sounds {label}.", 0.05


def text_sentiment(
    opened: OpenedModel, text: str, labels: Sequence[str], templates: Sequence[str], cancel: Event | None
) -> TextSentiment:
    """The labels that a text suggests.

    Args:
        labels: of the model's question, or `LABELS`.
        templates: sentences with one blank that follow the text; none for those here.

    Raises:
        InputError: the model knows no word of the text, or does not know a label.
        ModelError: the model neither compares texts nor fills in words.
    """
    read = read_text(opened, text)
    if LABEL in text:
        raise UsageError("the text holds what stands for a label", seen=text, fix=f"Leave {LABEL} out.")
    method: TextMethod = "named"
    scores = _by_name(text, labels)
    if scores is None and not templates and opened.can("embeds") and opened.embeds.comparable:
        method, scores = "meaning", _by_meaning(opened, read.pieces, labels, cancel)
    elif scores is None:
        opened.need("fills_words")
        method, scores = "cloze", _by_cloze(opened, text, labels, templates or _TEMPLATES, cancel)
    return TextSentiment(
        text=text,
        candidates=tuple(
            Candidate(text=labels[place], id=None, score=float(np.exp(scores[place])))
            for place in np.argsort(-scores, kind="stable").tolist()
        ),
        method=method,
        unknown_words=read.unknown_words,
    )


def _by_name(text: str, labels: Sequence[str]) -> Scores | None:
    """The labels that the text names, by how often; None if it names none."""
    said = _words(text)
    named = map(_words, labels)
    counts = np.array([said.count(label) if label else 0 for label in named], np.float64)
    if not counts.any():
        return None
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(counts / counts.sum()))


def _words(text: str) -> str:
    """Its words, each between two spaces of its own, so that one may follow itself."""
    return "".join(f" {word} " for word in _WORD.findall(text.casefold()))


def _by_meaning(opened: OpenedModel, pieces: Sequence[int], labels: Sequence[str], cancel: Event | None) -> Scores:
    """The nearest of the labels' sentences."""
    sentences = [read_text(opened, _SENTENCE.format(label=label)).pieces for label in labels]
    own, *others = (_unit(opened.embeds.vector(each, None, cancel)) for each in (pieces, *sentences))
    return log_softmax(np.stack(others) @ own / _SCALE)


def _by_cloze(
    opened: OpenedModel, text: str, labels: Sequence[str], templates: Sequence[str], cancel: Event | None
) -> Scores:
    """How much likelier the text makes each label in the sentences that follow it."""
    asked = [template.replace(MASK, LABEL) for template in templates]
    behind = LabelScorer(opened, [f"{text} {template}" for template in asked], labels).log_prior(cancel)
    return log_softmax(behind - LabelScorer(opened, asked, labels).log_prior(cancel))


def _unit(vector: Scores) -> npt.NDArray[np.float64]:
    return vector.astype(np.float64) / max(float(np.linalg.norm(vector)), 1e-12)
