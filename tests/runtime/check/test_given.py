"""Arrays find their stages by name; what fits none, or not the one it is for, is said with its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, LimitExceeded
from videobert.check.given import Given
from videobert.model.config import BackboneConfig, EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.recipe import Recipe
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs
from videobert.model.univl_stages import two_stream_stages

ENCODER = EncoderConfig(layers=1, width=8, heads=2, feed_forward=16, positions=12)
CONFIG = ModelConfig(name="tiny", words=11, visual_tokens=5, backbone=BackboneConfig(feature_dim=6), encoder=ENCODER)
RECIPE = Recipe(frames=15, short_side=48, crop=48)
JOINT = {spec.name: spec for spec in stage_specs(CONFIG, RECIPE)}
STREAMS = TwoStreamsConfig(video=ENCODER, fusion=ENCODER, decoder=ENCODER, text_room=6)
TWO = {spec.name: spec for spec in two_stream_stages(CONFIG, STREAMS)}


def taken(arrays: dict[str, Any], stage: str, name: str, specs: dict[str, StageSpec] = JOINT) -> Any:
    """What a stage gets as one of its inputs, and what is noted."""
    given = Given({key: np.asarray(value) for key, value in arrays.items()}, specs.values())
    notes: list[str] = []
    (tensor,) = (tensor for tensor in specs[stage].inputs if tensor.name == name)
    return given.of(specs[stage], tensor, notes), [*given.notes, *notes]


def test_a_name_with_its_stage_wins_and_a_bare_one_says_where_it_goes() -> None:
    states = np.zeros((2, 8), np.float32)
    arrays = {"states": states, "text_head.states": states + 1}
    assert taken(arrays, "text_head", "states")[0].min() == 1
    visual, notes = taken(arrays, "visual_head", "states")
    assert visual.max() == 0
    assert notes == ["states goes into visual_head, alignment_head"]
    assert taken(arrays, "encoder", "ids") == (None, notes)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64, np.bool_])
def test_whole_numbers_come_in_any_whole_type(dtype: type) -> None:
    ids, notes = taken({"ids": np.array([[1, 0, 1]], dtype)}, "encoder", "ids")
    assert ids.dtype == np.int64
    assert ids.tolist() == [[1, 0, 1]]
    assert not notes


def test_other_real_numbers_become_float32_with_a_note() -> None:
    for dtype in (np.float64, np.float16):
        states, notes = taken({"text_head.states": np.full((1, 8), 0.5, dtype)}, "text_head", "states")
        assert states.dtype == np.float32
        assert notes == [f"text_head.states is {np.dtype(dtype)}: taken as float32"]


def test_rows_may_keep_the_axis_before_them() -> None:
    states, _ = taken({"states": np.zeros((2, 3, 8), np.float32)}, "text_head", "states")
    assert states.shape == (2, 3, 8)


@pytest.mark.parametrize(
    ("arrays", "stage", "name", "said"),
    [
        ({"ids": [[0.5]]}, "encoder", "ids", "ids of the encoder does not fit"),
        ({"encoder.ids": [1, 2]}, "encoder", "ids", "encoder.ids does not fit"),
        ({"ids": np.zeros((1, 0), int)}, "encoder", "ids", "no axis empty"),
        ({"ids": np.array([[2**63]], np.uint64)}, "encoder", "ids", "out of range"),
        ({"states": np.zeros((2, 7), np.float32)}, "text_head", "states", "(count, 8)"),
        ({"states": np.zeros((2, 8), int)}, "text_head", "states", "float64 and float16 are converted"),
        ({"states": np.full((1, 8), 1e300)}, "text_head", "states", "not finite"),
        ({"states": np.full((1, 8), np.nan, np.float32)}, "text_head", "states", "not finite"),
        ({"states": np.zeros((1, 8), complex)}, "text_head", "states", "complex128"),
        ({"ids": [["a"]]}, "encoder", "ids", "<U1"),
        ({"clips": np.zeros((1, 15, 48, 40, 3), np.uint8)}, "backbone", "clips", "(batch, 15, 48, 48, 3)"),
        ({"clips": np.full((1, 15, 48, 48, 3), -1)}, "backbone", "clips", "out of range"),
    ],
)
def test_what_does_not_fit_is_refused(arrays: dict[str, Any], stage: str, name: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        taken(arrays, stage, name)
    assert said in str(raised.value)
    assert raised.value.fix


def test_more_places_than_the_model_has_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="the axis length"):
        taken({"ids": np.zeros((1, 13), int)}, "encoder", "ids")


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError) as raised:
        Given({"encoder.idz": np.zeros(1), "xyzzy": np.zeros(1)}, JOINT.values())
    assert raised.value.seen == "encoder.idz, xyzzy"
    assert "encoder.ids" in str(raised.value.fix)
    assert "encoder.mask" in str(raised.value.allowed)
    with pytest.raises(InputError, match="no stage of this model takes this"):
        Given({"centroids": np.zeros((5, 6), np.float32)}, JOINT.values())


def test_what_an_earlier_check_wrote_can_be_read_again() -> None:
    given = Given({"encoder.states": np.zeros(1), "openvino/text_head.logits": np.zeros(1)}, JOINT.values())
    assert given.notes == ["not read, since it is what stages give: encoder.states, openvino/text_head.logits"]


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.uint8])
@pytest.mark.parametrize("name", ["mask", "encoder.mask"])
def test_a_mask_stands_for_lengths(name: str, dtype: type) -> None:
    mask = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype)
    assert taken({name: mask}, "encoder", "lengths")[0].tolist() == [2, 3, 0]


def test_lengths_and_mask_must_agree() -> None:
    arrays: dict[str, Any] = {"lengths": [2, 1], "mask": [[1, 1], [1, 0]]}
    assert taken(arrays, "encoder", "lengths")[0].tolist() == [2, 1]
    with pytest.raises(InputError, match="lengths and mask say different things"):
        taken(arrays | {"lengths": [2, 2]}, "encoder", "lengths")
    # The stage's own name alone counts, where there is one.
    assert taken(arrays | {"encoder.lengths": [2, 2]}, "encoder", "lengths")[0].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ([[0, 1]], "a real place behind padding"),
        ([[1, 0, 1]], "a real place behind padding"),
        ([[0, -10000]], "values that a mask cannot have"),
        ([[1, 2]], "values that a mask cannot have"),
        ([1, 0], "is no mask"),
        ([[1.0, 0.0]], "is no mask"),
        (np.zeros((2, 0), int), "is no mask"),
    ],
)
def test_a_mask_that_tells_no_lengths_is_refused(mask: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        taken({"mask": mask}, "encoder", "lengths")


def test_a_stream_is_named_in_both_stages_that_take_its_lengths() -> None:
    arrays: dict[str, Any] = {"text_mask": [[1, 0]], "video_mask": [[1, 1, 1]]}
    assert taken(arrays, "text_encoder", "lengths", TWO)[0].tolist() == [1]
    assert taken(arrays, "video_encoder", "lengths", TWO)[0].tolist() == [3]
    assert taken(arrays, "cross_encoder", "video_lengths", TWO)[0].tolist() == [3]
    # What names the stream says more than what might be meant for both.
    both = arrays | {"mask": [[1, 1]]}
    assert taken(both, "text_encoder", "lengths", TWO)[0].tolist() == [1]
    own = arrays | {"text_encoder.mask": [[1, 1]]}
    assert taken(own, "text_encoder", "lengths", TWO)[0].tolist() == [2]
    assert taken(own, "cross_encoder", "text_lengths", TWO)[0].tolist() == [1]


def test_pixels_and_clips_are_the_same_input() -> None:
    pixels = np.zeros((1, 3, 15, 48, 48), np.float32)
    assert Given({"pixels": pixels}, JOINT.values()).pixels is not None
    assert Given({}, JOINT.values()).pixels is None
    both = Given({"backbone.pixels": pixels, "clips": np.zeros((1, 15, 48, 48, 3), np.uint8)}, JOINT.values())
    with pytest.raises(InputError, match="given twice"):
        _ = both.pixels


def test_inputs_may_be_called_as_in_the_programs_that_checkpoints_come_from() -> None:
    one: dict[str, Any] = {"input_ids": [[1, 2]], "attention_mask": [[1, 0]], "token_type_ids": [[0, 1]]}
    assert taken(one, "encoder", "ids")[0].tolist() == [[1, 2]]
    assert taken(one, "encoder", "segments")[0].tolist() == [[0, 1]]
    assert taken(one, "encoder", "lengths")[0].tolist() == [1]
    video = np.ones((1, 3, TWO["video_encoder"].inputs[0].axes[2].size or 0), np.float32)
    for text, caption in (("ids", "caption_ids"), ("input_ids", "input_caption_ids"), ("text_ids", "caption_ids")):
        two: dict[str, Any] = {text: [[1, 2]], caption: [[3]], "video": video, "attention_mask": [[1, 1]]}
        assert taken(two, "text_encoder", "ids", TWO)[0].tolist() == [[1, 2]]
        assert taken(two, "decoder", "ids", TWO)[0].tolist() == [[3]]
        assert taken(two, "video_encoder", "features", TWO)[0].shape == video.shape
        assert taken(two, "text_encoder", "lengths", TWO)[0].tolist() == [2]
        # A mask of the text's says nothing of the video.
        assert taken(two, "video_encoder", "lengths", TWO)[0] is None


def test_what_no_stage_reads_is_said() -> None:
    ids, notes = taken({"ids": [[1]], "input_ids": [[2]]}, "encoder", "ids")
    assert ids.tolist() == [[2]]
    assert notes == ["ids is not read: other names say the same of a stage of their own"]


def test_names_without_a_stage_are_told_first() -> None:
    with pytest.raises(InputError) as raised:
        Given({"xyzzy": np.zeros(1)}, JOINT.values())
    plain = [name for name in str(raised.value.allowed).split(", ") if "." not in name]
    assert str(raised.value.allowed).startswith(", ".join(plain))
    assert {"ids", "mask", "pixels"} <= set(plain)
