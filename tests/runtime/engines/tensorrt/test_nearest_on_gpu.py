"""Tokens are those of the codebook, whatever an engine proposes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.engines.tensorrt import engine as engine_module
from videobert.engines.tensorrt.nearest_on_gpu import ExactNearest
from videobert.visual.codebook import Codebook


def codebook_of(leaves: np.ndarray) -> Codebook:
    return Codebook(
        leaves=leaves.astype(np.float32),
        distances=np.array([0.0, 1.0], np.float32),
        backbone_hash="b",
        clip_hash="c",
    )


class Proposer:
    """The nearest graph in numpy float32, with noise in its scores if asked for."""

    def __init__(self, codebook: Codebook, candidates: int = 8, noise: float = 0.0) -> None:
        self.leaves, self.candidates, self.noise, self.calls = codebook.leaves, candidates, noise, 0

    def __call__(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.calls += 1
        scores = (self.leaves**2).sum(1) - 2 * features @ self.leaves.T
        scores += self.noise * np.random.default_rng(0).normal(size=scores.shape).astype(np.float32)
        ids = np.argsort(scores, axis=1)[:, : self.candidates]
        return np.take_along_axis(scores, ids, axis=1), ids


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each search by the codebook itself was given."""
    rows: list[int] = []
    assign = Codebook.assign

    def counted(self: Codebook, features: Any, *rest: Any, **options: Any) -> Any:
        rows.append(len(features))
        return assign(self, features, *rest, **options)

    monkeypatch.setattr(Codebook, "assign", counted)
    return rows


def assert_same(found: Any, wanted: Any) -> None:
    np.testing.assert_array_equal(found[0], wanted[0])
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6)


def test_clear_rows_need_no_search(searched: list[int]) -> None:
    generator = np.random.default_rng(0)
    codebook = codebook_of(generator.normal(size=(300, 64)))
    features = (codebook.leaves[::3] + 0.05 * generator.normal(size=(100, 64))).astype(np.float32)
    found = ExactNearest(Proposer(codebook), codebook).assign(features)
    assert searched == []
    assert_same(found, codebook.assign(features))


def test_rows_that_the_candidates_do_not_settle_are_searched(searched: list[int]) -> None:
    """A hundred leaves within rounding of each other: eight candidates say nothing about the rest."""
    generator = np.random.default_rng(1)
    crowd = 100 + 1e-7 * generator.normal(size=(100, 64))
    codebook = codebook_of(np.concatenate([generator.normal(size=(50, 64)), crowd]))
    features = np.concatenate([codebook.leaves[:5], codebook.leaves[60:64]])
    found = ExactNearest(Proposer(codebook), codebook).assign(features)
    assert searched
    assert searched[-1] >= 4
    assert_same(found, codebook.assign(features))


def test_ties_go_to_the_lowest_id() -> None:
    leaves = np.random.default_rng(2).normal(size=(40, 16))
    leaves[30] = leaves[3]
    codebook = codebook_of(leaves)
    ids, _ = ExactNearest(Proposer(codebook), codebook).assign(codebook.leaves[[30, 3, 7]])
    assert ids.tolist() == [3, 3, 7]


@pytest.mark.parametrize("leaves", [1, 5, 8])
def test_small_codebooks_are_candidates_whole(leaves: int, searched: list[int]) -> None:
    codebook = codebook_of(np.random.default_rng(3).normal(size=(leaves, 4)))
    features = np.random.default_rng(4).normal(size=(20, 4)).astype(np.float32)
    # However bad the scores are.
    found = ExactNearest(Proposer(codebook, noise=10), codebook).assign(features)
    assert searched == []
    assert_same(found, codebook.assign(features))


def test_ids_out_of_range_are_not_believed() -> None:
    codebook = codebook_of(np.random.default_rng(5).normal(size=(20, 4)))
    features = codebook.leaves[:3].copy()
    found = ExactNearest(lambda f: (np.zeros((3, 8), np.float32), np.full((3, 8), 20)), codebook).assign(features)
    assert found[0].tolist() == [0, 1, 2]


def test_errors_and_empty_input_are_the_codebooks() -> None:
    codebook = codebook_of(np.random.default_rng(6).normal(size=(20, 4)))
    proposer = Proposer(codebook)
    nearest = ExactNearest(proposer, codebook)
    assert nearest.assign(np.empty((0, 4), np.float32))[0].shape == (0,)
    with pytest.raises(InputError, match="do not fit this codebook"):
        nearest.assign(np.zeros((2, 5), np.float32))
    with pytest.raises(InputError, match="not finite"):
        nearest.assign(np.full((2, 4), np.inf, np.float32))
    with pytest.raises(InputError, match="no tree"):
        nearest.assign(np.zeros((2, 4), np.float32), "tree")
    assert proposer.calls == 0


def test_compiled_kernels_come_first(
    library: Any, place: Any, folder: Any, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert.engines.base import EngineOptions
    from videobert.engines.tensorrt.engine import TensorRtEngine

    made: list[Any] = []

    class Cubins:
        def __init__(self, *arguments: Any, trusted: bool) -> None:
            made.append((*arguments, trusted))

        def assign(self) -> None: ...

    monkeypatch.setattr(engine_module, "has_model_kernels", lambda *arguments: True)
    monkeypatch.setattr(engine_module, "CubinNearest", Cubins)
    engine = TensorRtEngine(folder, EngineOptions(threads=3), driver)
    codebook = codebook_of(np.ones((3, 4)))
    kernels = engine.assigner(codebook).__self__  # type: ignore[attr-defined]
    assert (kernels.__class__, kernels.threads) == (Cubins, 3)
    assert engine.tokenisation == "cubins"
    assert made == [(driver, folder, codebook, False)]
    engine.close()


def test_half_precision_leaves_tokens_to_the_codebook(library: Any, engines: Any, folder: Any, driver: Any) -> None:
    from videobert.engines.base import EngineOptions
    from videobert.engines.tensorrt.engine import TensorRtEngine

    engines(precision="fp16")
    engine = TensorRtEngine(folder, EngineOptions(), driver)
    codebook = codebook_of(np.ones((3, 4)))
    assert engine.assigner(codebook) == codebook.assign
    assert engine.tokenisation == "host"
    assert "nearest" not in library.deserialised
    engine.close()
