"""The order of the suite, and that every case and every probe has one place in it."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gpu_suite
from benchmarks.gpu import plan as plans
from benchmarks.gpu.parts import Part
from benchmarks.gpu.plan import chosen, plan
from benchmarks.gpu.probes import COSTS_S, PROBES, WITHOUT_GPU, ask, red

FOLDER = Path(plans.__file__).parent


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return plan()


def families() -> list[str]:
    return [
        path.stem
        for path in sorted(FOLDER.glob("*.py"))
        if re.search(r"^def cases\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def test_every_case_of_ours_is_in_one_part(parts: list[Part]) -> None:
    cases = [case.name for name in families() for case in importlib.import_module(f"benchmarks.gpu.{name}").cases()]
    assert len(set(cases)) == len(cases)
    rows = Counter(row for part in parts if part.kind == "figures" for row in part.rows)
    assert rows == Counter(cases)


def test_every_probe_is_in_one_part_and_has_a_cost(parts: list[Part]) -> None:
    assert Counter(row for part in parts if part.kind == "probes" for row in part.rows) == Counter(list(PROBES))
    assert set(COSTS_S) == set(PROBES)
    assert set(PROBES) >= WITHOUT_GPU


def test_first_what_is_right_then_what_counts_then_questions_then_the_rest(parts: list[Part]) -> None:
    names = [part.name for part in parts]
    assert names[0] == "correctness/half precision"
    assert [part.kind for part in parts[1 : 1 + len(plans.HEADLINES)]] == ["figures"] * len(plans.HEADLINES)
    assert names[1 + len(plans.HEADLINES)] == "probes/one context"
    assert names[-1] == "correctness/the rest"
    assert plan(sanitizer="memcheck")[-1].name == "correctness/memcheck"
    assert len(set(names)) == len(names)


def test_the_headlines_fit_the_first_half_and_everything_the_budget(parts: list[Part]) -> None:
    headline_s = sum(part.cost_s for part in parts[: 1 + len(plans.HEADLINES)])
    assert headline_s < 0.55 * 60 * gpu_suite.MINUTES
    probes_s = sum(part.cost_s for part in parts if part.name.removeprefix("probes/") in plans.PROBES)
    assert headline_s + probes_s < 60 * gpu_suite.MINUTES
    assert all(part.most_s >= part.cost_s for part in parts)


def test_a_dry_run_has_the_same_parts_with_one_row_each_but_for_kernel_tests(parts: list[Part]) -> None:
    dry = plan(dry_run=True, every_case=False)
    assert [part.name for part in dry] == [part.name for part in parts if part.name != "correctness/the rest"]
    assert {len(part.rows) for part in dry if part.kind != "correctness"} == {1}


def test_parts_are_chosen_by_their_name_or_a_rows(parts: list[Part]) -> None:
    assert [part.name for part in chosen(parts, ["probes/nvdec"])] == ["probes/nvdec"]
    assert [part.name for part in chosen(parts, ["nearest/few/*", "probes/one*"])] == [
        "figures/nearest centroid",
        "probes/one context",
    ]
    with pytest.raises(ValueError, match="no part fits 'nothing'; there are correctness/half precision"):
        chosen(parts, ["probes/*", "nothing"])


def test_a_family_that_cannot_be_imported_is_a_part_of_one_row() -> None:
    part = plan(["no_such_family"], dry_run=True)[-1]
    assert (part.name, part.rows) == ("figures/no_such_family", ("no_such_family",))


def test_a_red_parity_anywhere_in_a_probe_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    assert red({"a": {"parity": "good"}, "b": {"c": {"parity": "2 of 3 tokens"}}}) == "2 of 3 tokens"
    assert red({"a": 1, "b": {"parity": "good"}}) is None
    monkeypatch.setitem(PROBES, "nvdec", lambda: {"fp32": {"parity": "off"}})
    assert ask("nvdec") == {"verdict": "parity is red", "parity": "off", "result": {"fp32": {"parity": "off"}}}
    monkeypatch.setitem(PROBES, "nvdec", lambda: {"fp32": {"parity": "good"}})
    assert ask("nvdec")["verdict"] == "found"


@pytest.mark.parametrize("name", ["decoded", "clips_on_the_device", "cold_start"])
def test_a_probe_whose_answer_differs_takes_no_time(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from benchmarks.gpu.probes import decoding, product

    class Model:
        decoder_fallback = None

        def __init__(self, where: str, precision: str, decoder: str) -> None:
            self.ids = np.arange(3 if decoder == "pyav" else 4)

        def tokens(self, film: object) -> Model:
            return self

    monkeypatch.setattr(product, "model", Model)
    monkeypatch.setattr(product, "median_s", lambda run: pytest.fail("timed"))
    monkeypatch.setattr(product, "_FRESH", "print('[[7, 7, 7], [1.0, 1.0, 1.0]]')")
    monkeypatch.setattr(product.importlib, "import_module", lambda name: None)
    monkeypatch.setattr(decoding, "_difference", lambda film: "clip 3 is 12.0 dB from PyAV's")
    monkeypatch.setattr(decoding, "_through", lambda *given: pytest.fail("timed"))
    found = decoding.decoded(product.CLIP) if name == "decoded" else getattr(product, name)()
    assert list(found) == ["parity"]
    assert found["parity"] != "good"
