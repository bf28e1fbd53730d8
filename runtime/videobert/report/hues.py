"""A steady colour for each answer."""

from __future__ import annotations

# An answer that names a colour is shown in it: "green" on a red block would mislead.
_NAMED = {
    "red": 2,
    "orange": 26,
    "yellow": 48,
    "green": 135,
    "teal": 172,
    "cyan": 186,
    "blue": 217,
    "purple": 272,
    "violet": 272,
    "magenta": 305,
    "pink": 335,
}
_GREYS = {"white", "black", "grey", "gray", "silver"}
# Steps of the golden angle keep any number of hues apart.
_FIRST, _STEP = 228.0, 137.508


class Hues:
    """Colours given out in order of first appearance."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._steps = 0

    def style(self, question: str, answer: str) -> str:
        """CSS declarations for this answer to this question."""
        key = question, answer
        if key not in self._given:
            self._given[key] = self._new(answer.lower())
        return self._given[key]

    def _new(self, name: str) -> str:
        if name in _GREYS:
            return "--h:220;--s:6%"
        if name in _NAMED:
            return f"--h:{_NAMED[name]}"
        hue = (_FIRST + _STEP * self._steps) % 360
        self._steps += 1
        return f"--h:{hue:.0f}"
