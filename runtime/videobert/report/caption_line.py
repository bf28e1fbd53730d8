"""What a report says of a video in a few sentences."""

from __future__ import annotations

from itertools import groupby

from videobert.results.run import Report
from videobert.text.answer_sentences import UNSURE_TEXT

# More are no longer a line.
_MOST = 3
FROM_LABELS = "caption from labels"
MADE_OF = "made of the answers to the model’s questions; no network wrote it"
_BETWEEN = " · "


def caption_line(report: Report) -> str:
    """The sentences of the stretches one after the other, each once where neighbours say the same; of many the first.

    Empty where the model has no questions, and where its answers mean little.
    """
    if report.out_of_domain:
        return ""
    told = [sentence for sentence, _ in groupby(each.sentence for each in report.segments if each.sentence is not None)]
    said = [each for each, _ in groupby(each for each in told if each != UNSURE_TEXT)]
    if not said:
        return UNSURE_TEXT if told else ""
    more = len(said) - _MOST
    return _BETWEEN.join([*said[:_MOST], *([f"and {more} more"] if more > 0 else [])])
