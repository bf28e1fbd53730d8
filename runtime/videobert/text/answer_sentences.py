"""English sentences of a model's answers: what it says is put into words, and nothing is added to it."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK_WORDS = ("[MASK]", "{label}")
UNSURE_TEXT = "Unsure what is shown here."


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Names of actions leave articles out: "tossing coin". Last words that a sentence has one before.
_A = _words(
    """
    animal apple award axe baby bag ball balloon baseball basket beard book bottle burger cabinet camel campfire
    car cart cat coin computer controller cow discus dog egg elephant forecast frisbee goal guitar hookah horse
    hotdog kite knot ladder mule newspaper pancake pen pencil person pineapple pool present pumpkin punch river
    salad scooter segway shed snake snowman softball softball tattoo tie tractor trampoline treadmill tree truck
    unicycle watermelon wheel wheelchair bike bull
    """
)
_THE = _words(
    """
    accordion arm back bagpipes bassoon bed cello chest clarinet crowd cymbals didgeridoo drums fist flute floor
    guitar harmonica harp head keyboard lawn leg neck nose organ piano recorder saxophone stomach table toilet
    tongue trombone trumpet ukulele violin xylophone
    """
)
# Played with, rather than the game of that name.
_HANDLED = _words(
    """
    catching throwing dribbling dunking hitting shooting kicking juggling holding tossing
    """
)
_UNCOUNTED_BALLS = _words(
    """
    baseball basketball softball frisbee
    """
)
_PREPOSITIONS = _words(
    """
    on into with through from of out in over
    """
)
_WRITTEN = {
    "baby waking up": "A baby is waking up.",
    "crawling baby": "A baby is crawling.",
    "massaging person's head": "Someone is massaging a person's head.",
    "rock scissors paper": "Someone is playing rock, paper, scissors.",
    "dodgeball": "Someone is playing dodgeball.",
    "hopscotch": "Someone is playing hopscotch.",
    "diving cliff": "Someone is diving off a cliff.",
    "sticking tongue out": "Someone is sticking the tongue out.",
    "surfing water": "Someone is surfing.",
    "robot dancing": "Someone is dancing like a robot.",
    "swinging on something": "Someone is swinging on something.",
    "waiting in line": "Someone is waiting in line.",
    "playing controller": "Someone is playing with a controller.",
    "dying hair": "Someone is dyeing hair.",
    "drop kicking": "Someone is drop kicking a ball.",
}
# Feats whose names are nouns that one does once.
_FEATS = _words(
    """
    jump kick lunge put stop throw vault
    """
)
_EXERCISES = {"squat": "squats", "situp": "situps", "lunge": "lunges", "push up": "push ups"}


def action_sentence(label: str, phrase: str | None = None) -> str:
    """A sentence that says of someone what an action's name says: `arm wrestling`, `pole vault`, `tossing coin`.

    Args:
        phrase: the same in more words; taken for a name that is no verb, if it begins with one.
    """
    written = _WRITTEN.get(label)
    if written is not None:
        return written
    name = without_brackets(label)
    if name in _EXERCISES:
        return f"Someone is doing {_EXERCISES[name]}."
    if _is_verb(name.split()[0]):
        return f"Someone is {_with_article(name)}."
    if any(_is_verb(word) for word in name.split()):
        return f"Someone is {name}."
    if phrase is not None and _is_verb(phrase.split()[0]):
        return f"Someone is {without_brackets(phrase)}."
    return f"Someone is doing {'a ' if name.split()[-1] in _FEATS else ''}{name}."


def question_sentence(question: str, label: str, templates: Sequence[str] = ()) -> str:
    """A sentence that answers a question: its first template with the label where its blank is, or both by name."""
    for template in templates:
        for blank in MASK_WORDS:
            if template.count(blank) == 1:
                return sentence(template.replace(blank, label))
    return sentence(f"{question.replace('_', ' ')}: {label}")


def are_actions(labels: Sequence[str]) -> bool:
    """Whether most labels name something that someone does."""
    return 2 * sum(any(_is_verb(word) for word in without_brackets(label).split()) for label in labels) > len(labels)


def sentence(words: str) -> str:
    """Words with a capital first and a full stop last."""
    words = words.strip()
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def without_brackets(label: str) -> str:
    """A name without what is said of it in brackets: `hurling (sport)`."""
    return re.sub(r"\s*\([^)]*\)", "", label).strip() or label


def _is_verb(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing") and word not in ("something", "string", "spring", "pudding")


def _with_article(name: str) -> str:
    words = name.split()
    last = words[-1]
    verbs = [place for place, word in enumerate(words) if _is_verb(word) or word in _PREPOSITIONS]
    first = verbs[-1] + 1
    if first >= len(words) or words[first] in ("a", "an", "the"):
        return name
    verb = words[verbs[-1]]
    if last in _THE and verb in ("playing", *_touching(last)):
        article: str | None = "the"
    elif last in _UNCOUNTED_BALLS or last == "ball":
        article = _indefinite(words[first]) if verb in _HANDLED else None
    elif last in _THE and last not in _A:
        article = "the"
    else:
        article = _indefinite(words[first]) if last in _A else None
    return name if article is None else " ".join([*words[:first], article, *words[first:]])


def _touching(noun: str) -> tuple[str, ...]:
    return () if noun == "guitar" else ("shaking", "cleaning", "mopping", "sweeping", "sanding")


def _indefinite(word: str) -> str:
    return "an" if word[0] in "aeio" or word in ("ukulele", "unusual") else "a"
