"""The ledger: nothing of a checkpoint gets lost in silence."""

from __future__ import annotations

import json

import pytest
import torch

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.model_folder.ledger import Entry, Ledger


def intake(strict: bool = True) -> Intake:
    tensors = {
        "kept": torch.ones(2, 3),
        "old": torch.zeros(4),
        "copy": torch.ones(2, 3),
        "counter": torch.tensor(7),
        "stray": torch.ones(5),
    }
    return Intake(tensors, Ledger("test", "file.pt"), strict=strict)


def filled(strict: bool = True) -> Intake:
    taking = intake(strict)
    kept = taking.take("kept", "kept", (2, 3))
    taking.take("old", "new")
    taking.tie("copy", kept, "kept", "the same matrix")
    taking.ignore("counter", "a counter")
    taking.missing("head", "the source has none")
    return taking


def test_every_tensor_ends_with_a_status():
    taking = filled(strict=False)
    taking.finish()
    assert {entry.name: entry.status for entry in taking.ledger.entries} == {
        "kept": "used",
        "old": "renamed",
        "copy": "tied",
        "counter": "ignored",
        "head": "missing",
        "stray": "unexplained",
    }


def test_a_strict_import_lists_what_is_unexplained():
    taking = filled()
    taking.missing("nowhere")
    with pytest.raises(ModelError, match=r"2 tensors are unexplained: nowhere \(missing\), stray \[5\]"):
        taking.finish()


def test_a_long_list_is_cut_but_counted():
    taking = Intake({f"t{i}": torch.ones(1) for i in range(50)}, Ledger("test", "file.pt"))
    with pytest.raises(ModelError, match=r"50 tensors .* and 30 more"):
        taking.finish()


def test_the_table_and_the_json_hold_every_entry():
    taking = filled(strict=False)
    taking.finish()
    ledger = taking.ledger
    ledger.notes.append("took a prefix off")
    ledger.uninitialised.append("head: random")
    said, _, rows = ledger.table().partition("\n\n")
    assert said == ledger.summary()
    assert said.splitlines()[0] == "1 used, 1 renamed, 1 tied, 1 ignored, 1 missing, 1 unexplained"
    lines = rows.splitlines()
    assert len(lines) == 6
    assert "renamed" in lines[1]
    assert "-> new" in lines[1]
    fields = json.loads(json.dumps(ledger.to_json(), allow_nan=False))
    assert fields["counts"]["tied"] == 1
    assert [row["name"] for row in fields["tensors"]] == [entry.name for entry in ledger.entries]
    assert fields["tensors"][0]["shape"] == [2, 3]
    assert fields["uninitialised"] == ["head: random"]


def test_a_tie_must_hold():
    taking = intake()
    with pytest.raises(ModelError, match="copy should repeat kept"):
        taking.tie("copy", torch.zeros(2, 3), "kept", "the same")
    lenient = intake(strict=False)
    lenient.tie("copy", torch.zeros(2, 3), "kept", "the same")
    assert lenient.ledger.entries[-1].status == "ignored"


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(3, 2), "another shape"),
        (torch.ones(2, 3, dtype=torch.int64), "floating-point"),
        (torch.full((2, 3), float("nan")), "NaN"),
        (torch.full((2, 3), 1e300, dtype=torch.float64), "infinite"),
    ],
)
def test_a_tensor_that_cannot_be_used_is_refused_by_name(tensor, message):
    with pytest.raises(ModelError, match=f"tensor x .*{message}"):
        Intake({"x": tensor}, Ledger("test", "file.pt")).take("x", "x", (2, 3))


def test_halves_become_float32():
    value = Intake({"x": torch.ones(2, dtype=torch.bfloat16)}, Ledger("test", "f")).take("x", "y")
    assert value.dtype == torch.float32


def test_a_summary_tells_counts_first_and_exceptions_by_reason() -> None:
    ledger = Ledger("S3D", "s3d.pth", notes=["took something off"], uninitialised=["head: random"])
    ledger.entries += [Entry(f"layer.{i}", "used", (1,), f"layer.{i}") for i in range(400)]
    ledger.entries += [Entry(f"counter.{i}", "ignored", (), None, "a training counter") for i in range(60)]
    ledger.entries += [Entry("fc.weight", "unexplained", (2, 3)), Entry("ours", "missing", None, "ours", "a reason")]
    assert ledger.summary().splitlines() == [
        "400 used, 60 ignored, 1 unexplained, 1 missing",
        "note: took something off",
        "uninitialised: head: random",
        "ignored: counter.0, counter.1, counter.2 and 57 more: a training counter",
        "unexplained: fc.weight",
        "missing: ours: a reason",
    ]
    assert ledger.table().startswith(f"{ledger.summary()}\n\nused ")
    assert len(ledger.table().splitlines()) == 6 + 1 + 462
