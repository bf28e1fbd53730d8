"""Time codes, `HH:MM:SS:FF`: names of frames (SMPTE ST 12-1).

At 29.97 and 59.94 frames a second, names counted 30 or 60 to the second fall behind the clock. Drop-frame names, with
`;` before the frames, leave out the first two (or four) of each minute but every tenth, and so keep step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from videobert.base.errors import InputError

_FORM = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;.])(\d{2})")
# The rates that films come at and cutting rooms know; a film without a rate of its own is named at one of these.
STANDARD_RATES = tuple(
    Fraction(*rate)
    for rate in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1))
)
_DROPPING = (Fraction(30000, 1001), Fraction(60000, 1001))
_MOST_PER_SECOND = 99


@dataclass(frozen=True, slots=True)
class TimeCodes:
    """How frames are named.

    Args:
        rate: frames a second.
        drop_frame: names are left out to keep step with the clock.

    Raises:
        InputError: the rate has no names, or none of this kind.
    """

    rate: Fraction
    drop_frame: bool = False

    def __post_init__(self) -> None:
        if not can_name(self.rate) or (self.drop_frame and self.rate not in _DROPPING):
            raise InputError(
                "no time codes are made for this frame rate",
                seen=f"{self.rate}{', drop-frame' if self.drop_frame else ''}",
                allowed="whole rates up to 99 and 1000/1001 of them; drop-frame for 30000/1001 and 60000/1001",
                fix="Choose one of these.",
            )

    @property
    def per_second(self) -> int:
        """How many names a second has: 30 at 29.97."""
        return round(self.rate)

    @property
    def a_day(self) -> int:
        """How many frames have names; then they begin anew."""
        return 24 * 6 * (self.per_second * 600 - 9 * self._dropped)

    @property
    def _dropped(self) -> int:
        """Names that a minute leaves out."""
        return self.per_second // 15 if self.drop_frame else 0

    def name(self, frame: int) -> str:
        """The name of a frame, counted from 00:00:00:00."""
        per_second, dropped = self.per_second, self._dropped
        number = frame % self.a_day
        if dropped:
            tens, rest = divmod(number, per_second * 600 - 9 * dropped)
            minute = per_second * 60 - dropped
            # Of ten minutes the first has all its names.
            number += dropped * (9 * tens + max(0, (rest - dropped) // minute))
        seconds, frames = divmod(number, per_second)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{seconds:02}{';' if dropped else ':'}{frames:02}"

    def frame(self, name: str) -> int:
        """The frame with a name, from 0.

        Raises:
            InputError: it is no time code, or names a frame that is left out.
        """
        found = _FORM.fullmatch(name)
        parts = [int(found[n]) for n in (1, 2, 3, 5)] if found else []
        if not found or parts[0] > 23 or parts[1] > 59 or parts[2] > 59 or parts[3] >= self.per_second:
            raise self._no_name(name)
        hours, minutes, seconds, frames = parts
        dropped = self._dropped
        if dropped and seconds == 0 and frames < dropped and minutes % 10:
            raise self._no_name(name)
        minute = hours * 60 + minutes
        number = (minute * 60 + seconds) * self.per_second + frames
        return number - dropped * (minute - minute // 10)

    def _no_name(self, name: str) -> InputError:
        return InputError(
            "this is no time code of this frame rate",
            seen=name,
            allowed=f"HH:MM:SS{';' if self.drop_frame else ':'}FF, frames from 00 to {self.per_second - 1}"
            + (f", and no frame below {self._dropped} in a minute's first second" if self.drop_frame else ""),
            fix="Check the frame rate.",
        )


def can_name(rate: Fraction) -> bool:
    """Whether frames at a rate have names: a whole number a second, or 1000/1001 of one."""
    whole = any((rate * factor).denominator == 1 for factor in (Fraction(1), Fraction(1001, 1000)))
    return whole and 1 <= round(rate) <= _MOST_PER_SECOND


def drops(rate: Fraction) -> bool:
    """Whether time codes of a rate are drop-frame where nothing says otherwise."""
    return rate in _DROPPING


def nominal_rate(rate: Fraction) -> Fraction:
    """The rate that frames are named at where theirs has no names: the lowest standard one that is no lower."""
    return next((each for each in STANDARD_RATES if each >= rate), STANDARD_RATES[-1])
