"""What kind of thing each of the objects is that `everyday` can name: a tabby cat is a cat, a mammal and an animal."""

from __future__ import annotations

import json
from pathlib import Path

_FILE = Path(__file__).with_name("data") / "object_superclasses.json"


def object_superclasses() -> dict[str, tuple[str, ...]]:
    """The labels of `object` that each superclass covers, in the order of the labels.

    They are hypernyms of the ImageNet-1k classes in WordNet 3.0 (Princeton University), those that a viewer would ask
    for and under plain names. A few that only a taxonomist would make are corrected: a lens cap is no hat. Some labels
    have no superclass, most have several.
    """
    found: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {superclass: tuple(labels) for superclass, labels in found.items()}
