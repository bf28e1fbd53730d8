"""The objects that `everyday` names, and what kinds of things they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.get import object_superclasses as module
from videobert.get.object_superclasses import object_superclasses

LABELS = (Path(module.__file__).with_name("data") / "imagenet1k.txt").read_text(encoding="utf-8").splitlines()


def test_labels_are_a_thousand_different_plain_names():
    assert len(LABELS) == 1000
    assert len({label.casefold() for label in LABELS}) == 1000
    assert all(label == label.strip() and "_" not in label and "," not in label for label in LABELS)


@pytest.mark.parametrize(
    ("place", "label"),
    # Known places in the order of WordNet's numbers, which is the classifier's.
    [(0, "tench"), (134, "crane (bird)"), (207, "golden retriever"), (291, "lion"), (404, "airliner"),
     (517, "crane (machine)"), (671, "mountain bike"), (817, "sports car"), (954, "banana"), (999, "toilet paper")],
)  # fmt: skip
def test_labels_stand_in_their_order(place: int, label: str):
    assert LABELS[place] == label


def test_superclasses_cover_labels_in_their_order():
    for superclass, labels in object_superclasses().items():
        places = [LABELS.index(label) for label in labels]
        assert places, superclass
        assert places == sorted(set(places)), superclass


@pytest.mark.parametrize(
    ("label", "superclasses"),
    [
        ("tabby cat", ("cat", "mammal", "animal")),
        ("golden retriever", ("dog", "mammal", "animal")),
        ("mountain bike", ("bicycle", "vehicle")),
        ("crane (bird)", ("bird", "animal")),
        ("crane (machine)", ()),
        ("lens cap", ()),
        ("no label", ()),
    ],
)
def test_the_narrowest_superclass_comes_first(label: str, superclasses: tuple[str, ...]):
    covering = {name: labels for name, labels in object_superclasses().items() if label in labels}
    assert tuple(sorted(covering, key=lambda name: (len(covering[name]), name))) == superclasses


def test_known_families_have_their_sizes():
    sizes = {superclass: len(labels) for superclass, labels in object_superclasses().items()}
    # Of the published hierarchy: 118 dogs, 59 birds and 398 animals among the thousand.
    assert (sizes["dog"], sizes["bird"], sizes["animal"]) == (118, 59, 398)
