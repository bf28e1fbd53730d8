"""What `compare` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_NONE
from videobert.results.bench import Noise, Spread

SpeedVerdict = Literal["faster", "slower", "no difference", "too noisy to say"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two that are compared.

    Args:
        name: as it was given.
        model, weights, engine, device, precision, fallback: see `Origin`; of a saved result as far as it says.
        date: of a saved result that has one.
    """

    name: str
    model: str | None = None
    weights: str | None = None
    engine: str | None = None
    device: str | None = None
    precision: str | None = None
    fallback: str | None = None
    date: str | None = field(default=None, metadata=LEFT_OUT_IF_NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """How far B is from A at one place.

    Args:
        name: of the stage, `STAGE.OUTPUT` where it has several; or of the layer, the node of the portable graph.
        kind: of a layer, such as `"Convolution"`; None of a stage.
        max_abs: the largest difference at real places.
        relative: the same over the largest magnitude of A.
        allowed: what `relative` may be.
        agrees: whether it is at most that.
    """

    name: str
    kind: str | None = None
    max_abs: float
    relative: float
    allowed: float
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of equal things, with an interval that holds it with 95 % (Wilson's, of independent things).

    Args:
        share: 0 to 1.
        count: of things; of answers the segments of A.
        of: what they are.
    """

    share: float
    low: float
    high: float
    count: int
    of: Literal["tokens", "clips", "segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How long B takes, in times of A: above 1 it is slower.

    Args:
        ratio: median over the pairs, taken in turns; of saved results see `videobert.bench.regression.ratio_between`.
        low, high: an interval that holds it with 99 %.
        pairs: how many; of saved results the answers of the smaller one.
        a, b: the answers of each, in seconds.
        verdict: of B; "too noisy to say" where the interval leaves it open or the machine was under load.
        why: of "too noisy to say": what stood against a verdict.
    """

    ratio: float
    low: float
    high: float
    pairs: int
    a: Spread
    b: Spread
    verdict: SpeedVerdict
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStage:
    """Layers of a stage that are worth a higher precision.

    Args:
        layers: nodes of the portable graph, the one that matters most first.
        error, error_kept: the largest error of the stage's output over its largest magnitude, when every product is
            rounded to B's precision, and when these layers are not; both computed in float32 of rounded operands.
    """

    stage: str
    layers: tuple[str, ...]
    error: float
    error_kept: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of `compare`.

    Args:
        a, b: what was compared; B is judged by A.
        video: name of the file; None of saved results.
        stages: every stage of A that B has, on the very inputs that A's stages had of the video; `notes` name those
            that it did not pass, which were given made-up inputs.
        first_stage: the first of them beyond its tolerance; None where all are within, or none was compared.
        layers: of that stage, those beyond tolerance, in topological order; empty where it has none, or where layers
            cannot be walked through, which `notes` tells.
        first_layer: the first of them.
        tolerance: the rule, in words; None of saved results.
        tokens: visual tokens that are equal.
        top5: of the five nearest centroids, or the five best answers, those that both have.
        answers: time in which every question has the same first answer.
        parity: whether B may stand for A: no stage beyond tolerance, and tokens and answers agree in 99 %. None where
            nothing says so, as in two files of figures.
        keep: what to keep in a higher precision, where that was asked for.
        speed: None where it was not measured, and where parity is not given: a wrong answer has no speed.
        noise: of the machine meanwhile; None where no time was measured.
        notes: what else is to be known, and what could not be compared.
    """

    a: Side
    b: Side
    video: str | None = None
    stages: tuple[Apart, ...] = ()
    first_stage: str | None = None
    layers: tuple[Apart, ...] = ()
    first_layer: str | None = None
    tolerance: str | None = None
    tokens: Share | None = None
    top5: Share | None = None
    answers: Share | None = None
    parity: bool | None = None
    keep: tuple[KeptStage, ...] = ()
    speed: Speed | None = None
    noise: Noise | None = None
    notes: tuple[str, ...] = ()
