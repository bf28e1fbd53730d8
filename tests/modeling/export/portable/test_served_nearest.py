"""The served tokenisation against the codebook itself, also where its leaves are wider than features."""

from __future__ import annotations

import numpy as np
import pytest
from tests.small_model import COLOURS

from videobert.model.config import BackboneConfig, ModelConfig
from videobert.model.stage_lists import nearest_with_codebook
from videobert.visual.codebook import Codebook, classifier_leaves
from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library
from videobert_modeling.export.portable.served_nearest import served_nearest


@pytest.mark.parametrize("lifted", [False, True], ids=["as wide as features", "of a classifier"])
def test_ids_and_distances_are_the_codebooks(lifted: bool) -> None:
    random = np.random.default_rng(0)
    weight = random.standard_normal((len(COLOURS), 6)).astype(np.float32)
    leaves = classifier_leaves(weight, random.standard_normal(3).astype(np.float32)) if lifted else weight
    codebook = Codebook(leaves=leaves, distances=None, backbone_hash="0" * 16, clip_hash="0" * 16, lifted=lifted)
    config = ModelConfig(name="any", words=1, visual_tokens=3, backbone=BackboneConfig(feature_dim=6))
    content = served_nearest(nearest_with_codebook(config), codebook)
    session = onnxruntime_library().InferenceSession(content, providers=["CPUExecutionProvider"])
    features = random.standard_normal((40, 6)).astype(np.float32)
    ids, distances = session.run(None, {"features": features})
    wanted_ids, wanted = codebook.assign(features)
    assert np.array_equal(ids[:, 0], wanted_ids)
    assert len(set(wanted_ids)) > 1
    assert np.allclose(distances[:, 0], wanted, rtol=1e-5)
