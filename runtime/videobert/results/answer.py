"""What `answer` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_NONE
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of `answer`.

    Args:
        kind: `"choice"` among answers that were given, `"cloze"`, which of them stands at the `[MASK]`, `"yes_no"`, or
            `"open"`, in the model's own words.
        method: how it was found: see `Located.method`; `"decoder"` for sentences of the model's own.
        candidates: best first. Scores are probabilities over the choices, or of yes and no; of sentences that the
            decoder wrote, the geometric mean of the probabilities of their words.
        start_s, end_s: the stretch of the video that answers; of a "no", all that was looked at.
        unsure: the model leaves the answer open: no choice fits, or it does not stand to what it sees there.
        statement: of a question of yes or no what was held against the video; None of others, and then left out of
            JSON.
        percentile, out_of_domain: see `Report`.
        unknown_words: of the question and the choices, see `Fill`.
        evidence: the clips of the stretch and what each adds to the best answer's fit, if asked for; see `Hit.fit`. Of
            an answer that the decoder wrote, to the mean log-probability of its words.
    """

    question: str
    kind: Literal["choice", "cloze", "yes_no", "open"]
    method: Literal["alignment", "meaning", "pseudo_likelihood", "decoder"]
    candidates: tuple[Candidate, ...]
    start_s: float
    end_s: float
    unsure: bool
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    statement: str | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    unknown_words: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def text(self) -> str:
        """The best answer."""
        return self.candidates[0].text

    @property
    def score(self) -> float:
        """Its score."""
        return self.candidates[0].score
