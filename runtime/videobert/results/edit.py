"""What `edit` returns: which parts of a film are kept, in which order."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from videobert.results.as_json import LEFT_OUT_IF_EMPTY
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSpan:
    """A stretch of the film that is kept, from one frame's beginning to another's.

    Args:
        start_s, end_s: presentation times of the source: when its first frame comes, and when its last one leaves.
        first_frame: number of its first frame in the source, from 0 in the order of presentation.
        frames: how many frames it has.
        why: what asked for it: a text or times of an instruction, `"by hand"`, or `"not cut out"`.
        score: how well the text fits it; None where no text was looked for.
        unsure: the model does not stand to having found the text there.
    """

    start_s: float
    end_s: float
    first_frame: int
    frames: int
    why: str
    score: float | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedFilm:
    """The film that is cut.

    Args:
        name: its file's name, without folders; `"video"` for bytes and file objects.
        start_s, end_s: when its first frame comes and its last one leaves.
        frames: how many it has.
        rate: frames a second, exactly: those of the film, or where they come irregularly the nominal rate that time
            codes are written at.
        variable_rate: frames come irregularly. Cuts stay exact to the frame; time codes are rounded to `rate`.
        drop_frame: its time codes leave out numbers to keep step with the clock (29.97 and 59.94 frames a second).
        first_timecode: what the film's first frame is called, in frames from 00:00:00:00.
        audio_tracks: how many tracks of sound it has.
    """

    name: str
    start_s: float
    end_s: float
    frames: int
    rate: Fraction
    variable_rate: bool
    drop_frame: bool
    first_timecode: int
    audio_tracks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SoughtStretch:
    """Where a text was found; see `Hit` for its fields."""

    start_s: float
    end_s: float
    score: float
    unsure: bool = False
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A text of the instruction, and where the model found it; nowhere, if `stretches` is empty."""

    text: str
    stretches: tuple[SoughtStretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlan:
    """The result of `edit`: nothing is cut yet. `write_film` and `write_edit_list` take it.

    Only frames of the source are used, each as it is; none is made up.

    Args:
        spans: what is kept, in the order of the new film.
        duration_s: length of the new film.
        film: what is cut.
        instruction: as it was given; None for spans by hand.
        steps: how the instruction was understood, in words.
        sought: the texts that were looked for.
        percentile, out_of_domain: see `Report`; None and False where the model did not watch.
        origin: the model that looked for the texts.
    """

    spans: tuple[EditSpan, ...]
    duration_s: float
    film: EditedFilm
    instruction: str | None
    steps: tuple[str, ...]
    sought: tuple[Sought, ...]
    percentile: float | None
    out_of_domain: bool
    origin: Origin
