"""MiniLM's vectors by ours and by peers that every test environment has are the same; a wrong one is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.real_everyday import needs_everyday

from benchmarks.peers.case import Prepared, Setting
from benchmarks.peers.sentences import PEERS, cases, pooled


def test_padding_has_no_part_in_a_vector() -> None:
    states = np.array([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
    np.testing.assert_allclose(pooled(states, [[1, 1, 0]]), [[0.6, 0.8]])


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    (case,) = (case for case in cases() if case.name == "sentences/1")
    prepared = case.prepare(Setting(tiny=False, scratch=Path(tmp_path_factory.mktemp("made")), models=None, threads=2))
    yield prepared
    prepared.close()


@needs_everyday
@pytest.mark.parametrize("peer", ["transformers, bf16", "ONNX Runtime, fp32"])
def test_a_peer_with_the_same_weights_gives_the_same_vectors(asked: Prepared, peer: str) -> None:
    for contender in (asked.ours, PEERS[peer](asked.inputs)):
        assert asked.measure.holds(asked.judge(contender.call()))


@needs_everyday
def test_a_planted_wrong_vector_does_not_pass(asked: Prepared) -> None:
    sentences, vectors = asked.ours.call()
    turned = vectors[:, ::-1]
    assert not asked.measure.holds(asked.judge((sentences, turned)))


@needs_everyday
def test_no_sentence_is_asked_twice(asked: Prepared) -> None:
    assert asked.ours.call()[0] != asked.ours.call()[0]
