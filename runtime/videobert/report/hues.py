"""The colour of an answer: the same in every lane, report and run."""

from __future__ import annotations

import zlib

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
# All other answers are paler: their colours say nothing but which is which.
_PALE = "--s:34%"
# Where the checksum begins: with this one, the bundled model's answers to one question are well apart.
_BEGIN = 2989


def hue_style(answer: str) -> str:
    """CSS declarations of the colour that stands for this answer, made from its text alone."""
    name = answer.strip().casefold()
    if name in _GREYS:
        return "--h:220;--s:6%"
    if name in _NAMED:
        return f"--h:{_NAMED[name]}"
    # Python's own hash differs from run to run.
    return f"--h:{zlib.crc32(name.encode('utf-8', 'backslashreplace'), _BEGIN) % 360};{_PALE}"
