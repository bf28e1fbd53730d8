"""Questions that yes or no answers, as the statements that they ask about. English, and a small part of it.

    [is|are|was|were] there THING?                     is there a red circle?            -> a red circle
    [is|are|was|were] [this|that|these|those] THING?   is this a cricket match?          -> a cricket match
    [can|do|could|did] [you|we|i|one] see THING?       can you see a red circle?         -> a red circle
    [is|are|was|were] WHO WHAT?                        are people arm wrestling?         -> people are arm wrestling
    [does|do|did] WHO WHAT?                            does someone flip a pancake?      -> someone flips a pancake

WHO is one word ("it", "someone", "people") or begins with "a", "an", "the", "any" or "some" and goes up to a word in
-ing, an article or a preposition; if none follows, up to the last word ("is the shape red?", "does the circle spin?").
"""

from __future__ import annotations

from collections.abc import Sequence

_BE = frozenset({"is", "are", "was", "were"})
_DO = frozenset({"does", "do", "did"})
_SEE = frozenset({"can", "could", "do", "did"})
_VIEWERS = frozenset({"you", "we", "i", "one"})
_POINTERS = frozenset({"this", "that", "these", "those"})
_ARTICLES = frozenset({"a", "an", "the", "any", "some"})
_PREPOSITIONS = frozenset(
    {"at", "by", "down", "from", "in", "into", "near", "of", "off", "on", "onto", "out", "over", "through"}
    | {"to", "under", "up", "with"}
)
_NOT_UNDERSTOOD = frozenset({"not", "no", "or", "never", "nor"})
_PLURAL = frozenset({"people", "men", "women", "children", "kids", "they", "we", "you", "i", "these", "those"})
_IRREGULAR = {"have": "has", "be": "is", "do": "does", "go": "goes"}
STARTS = _BE | _DO | _SEE
UNDERSTOOD = (
    "is there THING?, is this THING?, can you see THING?, is WHO WHAT?, does WHO WHAT? - for example "
    '"is there a red circle?" or "does someone flip a pancake?"'
)


def asks_yes_or_no(question: str) -> bool:
    """Whether a question begins as one that yes or no answers."""
    words = _words(question)
    return bool(words) and words[0] in STARTS


def statement(question: str) -> str | None:
    """What has to be true for yes; None where the grammar does not reach."""
    words = _words(question)
    if len(words) < 3 or words[0] not in STARTS or any(w in _NOT_UNDERSTOOD or w.endswith("n't") for w in words):
        return None
    first, second, rest = words[0], words[1], words[2:]
    if first in _BE and second in _POINTERS | {"there"}:
        return _thing(rest)
    if first in _SEE and second in _VIEWERS and rest[0] == "see":
        return _thing(rest[1:])
    if first not in _BE | _DO:
        return None
    subject = _subject(words[1:], is_done=first in _DO)
    predicate = words[1 + len(subject) :]
    if not subject or not predicate:
        return None
    if first in _BE:
        return " ".join([*subject, first, *predicate])
    if first == "does" or (first == "did" and subject[-1] not in _PLURAL):
        predicate = [_third_person(predicate[0]), *predicate[1:]]
    return " ".join([*subject, *predicate])


def _words(question: str) -> list[str]:
    return question.lower().replace("\u2019", "'").strip().rstrip("?!. ").replace(",", " ").split()


def _thing(words: Sequence[str]) -> str | None:
    kept = words[1:] if words and words[0] in ("any", "some") else words
    return " ".join(kept) or None


def _subject(words: Sequence[str], *, is_done: bool) -> list[str]:
    """Who is asked about.

    Args:
        is_done: the word behind is a verb as it stands in the dictionary, so it comes before an article or preposition.
    """
    if words[0] not in _ARTICLES:
        return list(words[:1])
    for at in range(2, len(words)):
        if words[at].endswith("ing") and not is_done:
            return list(words[:at])
        if words[at] in _ARTICLES | _PREPOSITIONS:
            return list(words[: at - 1 if is_done and at > 2 else at])
    return list(words[:-1]) if len(words) > 2 else []


def _third_person(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2:-1] not in tuple("aeiou"):
        return f"{verb[:-1]}ies"
    return f"{verb}s"
