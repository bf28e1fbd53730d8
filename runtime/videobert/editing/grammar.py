"""The small language that films are edited in: an instruction becomes steps, and a step names stretches of the film.

    instruction = step { ("and" | "then" | "," | ";" | ".") step }
    step        = ("keep" | "only") what                                  only these stretches stay
                | ("cut out" | "remove" | "delete" | "leave out") what    these stretches go
                | ("keep" | "cut out") "everything but" what              the other way round
                | ("bring" | "move" | "put") what place                   these stretches change places
                | ("start with" | "end with") what                        likewise
                | ["to"] ("at most" | "no more than") duration            the best parts that fit stay
                | "reverse the order"                                     the last part comes first
    place       = "to the front" | "to the end" | "before" what | "after" what
    what        = ["only" | "all"] ["the" ("part" | "parts" | …) ("where" | "with" | …)] text
                | quoted { ("and" | "or" | ",") quoted }                  any of several texts
                | ["from"] time "to" time | "the" ("first" | "last") duration
                | ["everything"] ("before" | "after") time | "from" time "to the end" | "from the start to" time
    time        = seconds | minutes ":" seconds | hours ":" minutes ":" seconds
    duration    = number ("s" | "seconds" | "minutes")

Other words for the same are taken too ("drop", "skip", "without", "show only", "make it"). A text is looked for by its
meaning; all stretches that fit count, and of a text that is moved, the one that fits best, unless it says "parts" or
"all". Steps are done in their order on what the steps before left. Of several "keep" that "and" joins, each adds to
what stays; after "then" it narrows. An "and" inside a text stays there unless a verb of this language, times or "the
parts where" follow; quotes make it plain. What speaks of times or frames, or of an exception, in a way that is not
understood is refused, and never looked for as a text: it would be cut by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from videobert.base.errors import UsageError

_MOST_CHARACTERS, _MOST_STEPS = 4000, 100
# How a plan tells that step.
REVERSE = "reverse the order"
GRAMMAR = (
    "keep … | cut out … | bring … to the front / to the end / before … | start with … | end with … | at most N seconds "
    '| reverse the order, joined by "and" or "then"; … is a text such as "the parts where someone pours", or times '
    'such as "3 to 7.5 s" or "the first 10 seconds"'
)


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is looked for.

    Args:
        every: all stretches that fit are meant; else it depends on what is done with them.
    """

    text: str
    every: bool = False

    def __str__(self) -> str:
        return f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Times:
    """A stretch by its times in the film.

    Args:
        start, end: in seconds of presentation time; None is the film's beginning, or its end.
        from_end: `start` is counted back from the film's end.
        from_start: they are counted from the film's first frame, whatever that one's time is.
        by_hand: a caller gave them as they are; no instruction named them.
    """

    start: Fraction | None
    end: Fraction | None
    from_end: bool = False
    from_start: bool = False
    by_hand: bool = False

    def __str__(self) -> str:
        if self.from_end:
            return f"the last {float(self.start or 0):g} s"
        if self.start is None:
            return f"everything before {float(self.end or 0):g} s"
        if self.end is None:
            return f"everything after {float(self.start):g} s"
        return f"{float(self.start):g}–{float(self.end):g} s"


What = Words | Times


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Args:
        what: the stretches that it is about.
        where: of a move before or after something, that.
        seconds: of `at_most`.
    """

    kind: Literal["keep", "remove", "front", "end", "before", "after", "reverse", "at_most"]
    what: tuple[What, ...] = ()
    where: tuple[What, ...] = ()
    seconds: Fraction | None = None

    def __str__(self) -> str:
        what, where = " and ".join(map(str, self.what)), " and ".join(map(str, self.where))
        match self.kind:
            case "keep":
                return f"keep only {what}"
            case "remove":
                return f"cut out {what}"
            case "front" | "end":
                return f"move {what} to the {self.kind}"
            case "before" | "after":
                return f"move {what} {self.kind} {where}"
            case "reverse":
                return REVERSE
            case "at_most":
                return f"keep at most {float(self.seconds or 0):g} s"


# Verbs that follow "and" and a comma; the second list could as well go on a text: "people sing and cut a cake".
_CLEAR = (
    "keep|remove|delete|erase|cut out|leave out|take out|bring|move|start with|begin with|open with|end with|"
    "finish with|at most|no more than|no longer than|reverse the|"
    r"put\b(?=.* (?:(?:to|at|in) (?:the )?(?:very )?(?:front|beginning|start|end|back)|first|last|before|after)\b)"
)
_ANY = f"{_CLEAR}|cut|drop|skip|put|make it|limit|only|just|show only|show just|trim|shorten|without|lose|to at most"
_JOINT = re.compile(
    rf"\s*(?:,?\s*\b(?P<and>and)\b|(?P<comma>,))\s+(?=(?:{_CLEAR})\b)"
    rf"|\s*(?:,?\s*\b(?:and\s+)?then\b\s*,?|;|\.)\s+(?=(?:{_ANY})\b)",
    re.IGNORECASE,
)
_UNIT = r"(?:s|secs?|seconds?|mins?|minutes?)"
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_TIME = rf"(?:(?:\d{{1,3}}:)?\d{{1,3}}:\d{{1,2}}(?:\.\d{{1,9}})?|{_NUMBER})(?:\s*{_UNIT})?"
_DURATION = rf"({_NUMBER})\s*({_UNIT})"
_AT_AN_END = r"(?:the )?(?:first|last)\b"
_POLITE = re.compile(
    r"(?:(?:please|(?:could|can|would|will) you|i want(?: you)? to|i(?:['’]d| would) like(?: you)? to|let['’]s)\s+)+",
    re.IGNORECASE,
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_MOST = _pattern(
    r"(?:(?:keep|limit|make|shorten|trim|cut)(?: it| this| the film| the video)? )?(?:to )?"
    rf"(?:at most|no more than|no longer than|up to|within|under|to|max(?:imum)?|(?<=make it )) ?{_DURATION}"
    r"(?: long| in all| in total)?"
)
_REVERSE = _pattern(r"(?:reverse|turn round)(?: the)? (?:order|parts)(?: of the parts)?")
_TO = _pattern(
    r"(?:bring|move|put) (.+?) (?:(?:to|at|in) (?:the )?(?:very )?(front|beginning|start|end|back)|(first|last))"
)
_BESIDE = _pattern(r"(?:bring|move|put) (.+?) (before|after|behind) (.+)")
_WITH = _pattern(r"(start|begin|open|end|finish|close) with (.+)")
_NOT = "(?:do not|don't|don’t|never)"
_REMOVE = _pattern(
    rf"(?:cut out|cut away|cut|remove|delete|erase|drop|leave out|take out|skip|without|lose|trim(?= {_AT_AN_END})"
    rf"|{_NOT} (?:show|keep|include)) (.+)"
)
_KEEP = _pattern(
    r"(?:keep(?: only| just)?|only keep|only show|show(?: me)?(?: only| just)?|only|just|leave only"
    rf"|{_NOT} (?:cut(?: out)?|remove|delete)) (.+)"
)
_BUT = _pattern(
    r"(?:everything|all|anything)(?: of it| else)? (?:but|except for|except|apart from|other than|besides) (.+)"
)
_NOUN = r"(?P<noun>parts?|bits?|moments?|scenes?|stretch(?:es)?|clips?|shots?|pieces?|places?|times?|everything|all)"
_PART = _pattern(
    rf"(?:(?P<all>all|every|each|any|only|just) )?(?:of )?(?:the |those |that )?{_NOUN} "
    r"(?:where|when|in which|during which|with|of|that shows?|that have|that has|showing|there is) (.+)"
)
_PLAIN = _pattern(r"(?:(?P<all>all|every|each|any|only|just)(?: of)? )?(?:the )?(.+)")
_BETWEEN = _pattern(rf"(?:(?:from|between) )?({_TIME})\s*(?:to|until|till|and|-|–)\s*({_TIME})")
_FIRST = _pattern(rf"(?:the )?(first|last) {_DURATION}")
_SIDE = _pattern(rf"(?:(?:everything|all|what is) )?(before|until|till|up to|after|from) ({_TIME})(?: on)?")
_TO_END = _pattern(rf"(?:everything |all )?from ({_TIME}) (?:to|until|till) the (?:very )?end(?: of (?:it|the \w+))?")
_TO_TIME = _pattern(rf"(?:everything |all )?from the (?:beginning|start) (?:to|until|till) ({_TIME})")
_AND = _pattern(r"\s*(?:,\s*and|,|\band\b)\s+")
_NEXT_PART = _pattern(
    r"\s*(?:,\s*and|,|\band\b)\s+(?=(?:(?:all|every|any|only) )?(?:of )?the "
    r"(?:parts?|bits?|moments?|scenes?|stretch(?:es)?|clips?|shots?|pieces?|places?) (?:where|when|with|of|showing)\b)"
)
_QUOTED = re.compile("\"([^\"]*)\"|“([^”]*)”|(?<!\\w)'([^']+)'(?!\\w)|«([^»]*)»")
# A text that speaks of these is one that was not understood: nothing like it is in a picture.
_NO_TEXT = _pattern(
    rf".*\b(?:\d+:\d\d|\d+(?:\.\d+)?\s*{_UNIT}|frames?\s*\d+|\d+\s*frames?)\b.*"
    rf"|\d[\d.e+]*\s*(?:to|-|–)\s*\d[\d.e+]*(?:\s*{_UNIT})?"
    r"|(?:first|last|second|other) (?:half|third|quarter|part|minutes?|seconds?)(?: of .+)?"
    r"|(?:everything|all|anything)\b.*\b(?:but|except|apart|besides)\b.*"
)
_SOUNDS = frozenset({"sound", "sounds", "the sound", "audio", "silence", "noise"})
# What is left where a verb stands alone: "cut out", "keep only".
_NO_TEXTS = frozenset({"out", "away", "only", "just", "it", "the", "all", "to", "first", "last"})
_HELD = re.compile("\ue000(\\d+)\ue001")
_ONLY_HELD = re.compile("\ue000\\d+\ue001(?:(?:,| and| or|, and|, or)? \ue000\\d+\ue001)*")


def parse(instruction: str) -> tuple[Step, ...]:
    """The steps of an instruction.

    Raises:
        UsageError: it cannot be understood; the error says which part, and what can.
    """
    if not isinstance(instruction, str) or not instruction.strip() or len(instruction) > _MOST_CHARACTERS:
        raise _not_understood(instruction if isinstance(instruction, str) else type(instruction).__name__)
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(" ".join(next((text for text in found.groups() if text), "").split()))
        return f"\ue000{len(held) - 1}\ue001"

    text = _QUOTED.sub(hold, instruction.replace("\ue000", " ").replace("\ue001", " "))
    text = " ".join(text.split()).strip(" .,;!?")
    polite = _POLITE.match(text)
    text = re.sub(r",? please$", "", text[polite.end() if polite else 0 :], flags=re.IGNORECASE)
    steps: list[Step] = []
    for number, (joined, part) in enumerate(_parts(text)):
        if number >= _MOST_STEPS:
            raise _not_understood(part, held)
        step = _step(part, held)
        # What "and" adds to a "keep" is kept beside it.
        if joined and steps and step.kind == steps[-1].kind == "keep":
            steps[-1] = replace(steps[-1], what=steps[-1].what + step.what)
        else:
            steps.append(step)
    return tuple(steps)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """What stands between joints, and whether "and" or a comma stands before it."""
    at, joined = 0, False
    for found in _JOINT.finditer(text):
        yield joined, text[at : found.start()]
        at, joined = found.end(), bool(found["and"] or found["comma"])
    yield joined, text[at:]


def _step(part: str, held: list[str]) -> Step:
    part = part.strip(" .,;")
    if found := _MOST.fullmatch(part):
        return Step("at_most", seconds=_duration(found[1], found[2]))
    if _REVERSE.fullmatch(part):
        return Step("reverse")
    if found := _TO.fullmatch(part):
        front = (found[2] or found[3]).lower() in ("front", "beginning", "start", "first")
        return Step("front" if front else "end", _what(found[1], held))
    if found := _BESIDE.fullmatch(part):
        return Step("before" if found[2].lower() == "before" else "after", _what(found[1], held), _what(found[3], held))
    if found := _WITH.fullmatch(part):
        return Step("front" if found[1].lower() in ("start", "begin", "open") else "end", _what(found[2], held))
    if found := _REMOVE.fullmatch(part):
        but = _BUT.fullmatch(found[1])
        return Step("keep" if but else "remove", _what(but[1] if but else found[1], held))
    if found := _KEEP.fullmatch(part):
        but = _BUT.fullmatch(found[1])
        return Step("remove" if but else "keep", _what(but[1] if but else found[1], held))
    raise _not_understood(part, held)


def _what(text: str, held: list[str]) -> tuple[What, ...]:
    """What a phrase names. Where one of its parts names times, "and" stands between parts, not in a text."""
    whole = _times(text.strip())
    if whole is not None:
        return (whole,)
    parts = [part for part in _AND.split(text.strip()) if part]
    if len(parts) > 1 and any(_times(part) is not None for part in parts):
        return tuple(what for part in parts for what in _what(part, held))
    return tuple(words for part in _NEXT_PART.split(text.strip()) for words in _words(part, held))


def _times(text: str) -> Times | None:
    if found := _BETWEEN.fullmatch(text):
        return _between(found[1], found[2])
    if found := _FIRST.fullmatch(text):
        seconds = _duration(found[2], found[3])
        last = found[1].lower() == "last"
        return Times(seconds, None, from_end=True) if last else Times(Fraction(0), seconds, from_start=True)
    if found := _SIDE.fullmatch(text):
        time = _time(found[2])
        before = found[1].lower() in ("before", "until", "till", "up to")
        return Times(None, time) if before else Times(time, None)
    if found := _TO_END.fullmatch(text):
        return Times(_time(found[1]), None)
    if found := _TO_TIME.fullmatch(text):
        return Times(None, _time(found[1]))
    return None


def _words(text: str, held: list[str]) -> tuple[Words, ...]:
    every, whole = False, text
    if found := _PART.fullmatch(text):
        noun = found["noun"].lower()
        every = (found["all"] or "").lower() in ("all", "every", "each", "any") or noun[-1] == "s" or noun[0] in "ae"
        text = found[3]
    elif found := _PLAIN.fullmatch(text):
        every = (found["all"] or "").lower() in ("all", "every", "each", "any")
        text = found[2]
    if _ONLY_HELD.fullmatch(text):
        names = [held[int(number)] for number in _HELD.findall(text)]
    else:
        names = [_spoken(text, held)]
        if any(_NO_TEXT.fullmatch(_HELD.sub("", each)) for each in (whole, text)) or text.lower() in _SOUNDS:
            raise _not_understood(names[0], held)
    if not all(name.strip() and name.lower() not in _NO_TEXTS for name in names):
        raise _not_understood(text, held)
    return tuple(Words(name, every or len(names) > 1) for name in names)


def _between(start: str, end: str) -> Times:
    unit = re.search(_UNIT + "$", end, re.IGNORECASE)
    if unit and ":" not in start and not re.search(_UNIT + "$", start, re.IGNORECASE):
        start = f"{start} {unit[0]}"  # "1 to 2 minutes"
    begins, ends = _time(start), _time(end)
    if ends <= begins:
        raise UsageError(
            "a stretch is reversed or empty",
            seen=f"{start} to {end}",
            allowed="an end behind the start",
            fix="Give the earlier time first.",
        )
    return Times(begins, ends)


def _time(text: str) -> Fraction:
    number, unit = re.fullmatch(rf"([\d.:]+)\s*({_UNIT})?", text.strip(), re.IGNORECASE).groups()  # type: ignore[union-attr]
    if ":" not in number:
        return _duration(number, unit or "s")
    seconds = Fraction(0)
    for part in number.split(":"):
        seconds = seconds * 60 + Fraction(part)
    return seconds


def _duration(number: str, unit: str) -> Fraction:
    return Fraction(number) * (60 if unit.lower().startswith("m") else 1)


def _spoken(text: str, held: list[str]) -> str:
    return _HELD.sub(lambda found: held[int(found[1])], text)


def _not_understood(part: str, held: list[str] | None = None) -> UsageError:
    return UsageError(
        "this instruction cannot be understood",
        seen=_spoken(part, held or []) or "nothing",
        allowed=GRAMMAR,
        fix='For example "keep only the parts where someone pours and cut out the talking".',
    )
