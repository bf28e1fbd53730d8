"""The layout of joint sequences, and that nothing is cut off silently."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from videobert.base.errors import InputError, LimitExceeded
from videobert.families.videobert import SequenceBuilder
from videobert.model.config import EncoderConfig, ModelConfig
from videobert.text.special_ids import SpecialIds

CONFIG = ModelConfig(name="t", words=100, visual_tokens=50, encoder=EncoderConfig(positions=12))
BUILDER = SequenceBuilder(CONFIG, SpecialIds(cls=2, sep=3, mask=4, pad=0, unknown=1))


def test_text_alone_is_as_bert_has_it() -> None:
    sequence = BUILDER.text([10, 11])
    np.testing.assert_array_equal(sequence.ids, [2, 10, 11, 3])
    np.testing.assert_array_equal(sequence.segments, [0, 0, 0, 0])


def test_text_and_video_meet_at_the_joiner() -> None:
    sequence = BUILDER.joint([10, 11], [0, 49, 7], masked=[1])
    np.testing.assert_array_equal(sequence.ids, [2, 10, 11, 150, 100, 4, 107, 3])
    np.testing.assert_array_equal(sequence.segments, [0, 0, 0, 0, 1, 1, 1, 1])
    assert sequence.visual_start == 4


def test_of_a_model_with_one_segment_all_is_that_one() -> None:
    config = dataclasses.replace(CONFIG, encoder=EncoderConfig(positions=12, segments=1))
    builder = SequenceBuilder(config, SpecialIds(cls=0, sep=2, mask=99, pad=1, unknown=3))
    sequence = builder.joint([10, 11], [0, 49, 7], masked=[1])
    np.testing.assert_array_equal(sequence.ids, [0, 10, 11, 150, 100, 99, 107, 2])
    assert not sequence.segments.any()
    assert not builder.batch([sequence, builder.text([10])]).segments.any()


def test_video_alone_has_an_empty_text() -> None:
    sequence = BUILDER.joint([], np.array([5], np.int32))
    np.testing.assert_array_equal(sequence.ids, [2, 150, 105, 3])
    np.testing.assert_array_equal(sequence.segments, [0, 0, 1, 1])


def test_a_batch_is_padded_at_the_end() -> None:
    batch = BUILDER.batch([BUILDER.text([10]), BUILDER.joint([10], [1, 2])])
    np.testing.assert_array_equal(batch.ids, [[2, 10, 3, 0, 0, 0], [2, 10, 150, 101, 102, 3]])
    np.testing.assert_array_equal(batch.segments, [[0] * 6, [0, 0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(batch.lengths, [3, 6])


def test_the_longest_sequence_fits_and_one_more_is_refused() -> None:
    assert len(BUILDER.text([9] * 10)) == 12
    with pytest.raises(LimitExceeded, match="at most 10 word pieces"):
        BUILDER.text([9] * 11)
    assert BUILDER.room(8) == 1
    assert len(BUILDER.joint([9] * 8, [1])) == 12
    with pytest.raises(LimitExceeded, match="at most 8 word pieces"):
        BUILDER.room(9)
    with pytest.raises(LimitExceeded, match="1 visual tokens beside"):
        BUILDER.joint([9] * 8, [1, 2])


@pytest.mark.parametrize("visual", [[], [-1], [50]])
def test_visual_tokens_out_of_range_are_refused(visual: list[int]) -> None:
    with pytest.raises(InputError, match="0 to 49"):
        BUILDER.joint([], visual)


@pytest.mark.parametrize("position", [-1, 2])
def test_a_masked_position_that_does_not_exist_is_refused(position: int) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        BUILDER.joint([], [1, 2], masked=[position])
