"""`sentiment`: of a video by a question of the model, of a text by its words; and the way to a model that has none."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests import small_model
from tests.one_output import OneOutput
from tests.small_conse import CONFIG as CONSE
from tests.small_conse import film, open_small_conse
from tests.small_milnce import open_small_milnce
from tests.small_next_token import open_small_next_token

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.model.questions import QuestionConfig
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens

MASK, WORDS = 4, 128
RED, BLUE, GREEN = 5, 6, 7
RED_SCENE, DARK_SCENE = (220, 20, 20), (10, 10, 10)
OF_COLOURS = QuestionConfig(labels=("red", "blue"), answered_by="groups", of="colour", groups=((0,), (1, 2)))
MOODS = QuestionConfig(templates=("the square is [MASK]",), labels=("red", "blue"))


class WordsByWhatStandsBefore(OneOutput):
    """Red where the visual token 1 is seen, else blue; after "dark" in the text more of it."""

    name, device, precision, parallel, takes_device_arrays = "known", "CPU", "fp32", 1, False
    fallback: str | None = None

    def run(self, stage: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            states = np.zeros((*inputs["ids"].shape, 64), np.float32)
            ids = inputs["ids"]
            states[..., 0] = np.where((ids == WORDS + 1).any(axis=1), 2, np.where((ids >= WORDS).any(axis=1), -2, 0))[
                :, None
            ]
            states[..., 1] = (ids == 8).any(axis=1)[:, None]
            return states
        assert stage == "text_head"
        logits = np.zeros((len(inputs["states"]), WORDS), np.float32)
        logits[:, RED] = 1 + inputs["states"][:, 0]
        logits[:, BLUE] = 3 * inputs["states"][:, 1]
        return logits

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def opened(folder: Path, **questions: QuestionConfig) -> Runtime:
    model = ModelFolder(folder)
    model.config = dataclasses.replace(model.config, questions=questions, window_clips=2)
    return Runtime(model, WordsByWhatStandsBefore(), Limits())


def tokens_of(model: Runtime, *ids: int) -> VisualTokens:
    return small_model.tokens_of(model, list(ids), engine="known")


def test_a_video_is_judged_by_the_models_own_question(model_folder: Path) -> None:
    model = opened(model_folder, colour=MOODS, mood=MOODS)
    found = model.sentiment(tokens_of(model, 1, 1, 3, 3, 3))
    assert (found.question, found.answered_by, found.unsure, found.text) == ("mood", "templates", False, None)
    assert [(each.start_s, each.end_s, each.text) for each in found.segments] == [
        (0.0, 3.0, "red"),
        (3.0, 6.0, "blue"),
        (6.0, 7.5, "blue"),
    ]
    # The language prior, which favours red, is taken away; windows count by their lengths.
    red = [1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2)), 1 / (1 + np.exp(2))]
    expected = (3 * red[0] + 3 * red[1] + 1.5 * red[2]) / 7.5
    assert {each.text: pytest.approx(each.score) for each in found.candidates} == {
        "red": expected,
        "blue": 1 - expected,
    }


def test_of_several_questions_the_first_name_is_asked(model_folder: Path) -> None:
    for names, asked in ((("mood", "emotion"), "mood"), (("emotion", "mood", "sentiment"), "sentiment")):
        model = opened(model_folder, **dict.fromkeys(names, MOODS))
        assert model.sentiment(tokens_of(model, 1)).question == asked


def test_a_text_is_judged_only_if_asked_and_apart_from_the_video(model_folder: Path) -> None:
    model = opened(model_folder, mood=MOODS)
    video = tokens_of(model, 1, 1)
    found = model.sentiment(video, text="a dark square zebra")
    assert found.text is not None
    assert (found.text.method, found.text.text) == ("cloze", "a dark square zebra")
    assert [each.text for each in found.text.candidates] == ["blue", "red"]
    np.testing.assert_allclose(found.text.candidates[0].score, 1 / (1 + np.exp(-3)), rtol=1e-4)
    assert found.text.unknown_words == found.unknown_words == ("zebra",)
    assert found.candidates == model.sentiment(video).candidates
    alone = model.sentiment(text="a dark square zebra")
    assert alone.text == found.text
    assert (alone.question, alone.candidates, alone.segments, alone.percentile) == (None, (), (), None)


def test_a_text_alone_has_no_evidence(model_folder: Path) -> None:
    model = opened(model_folder, mood=MOODS)
    with pytest.raises(UsageError, match="a text alone has no clips") as refused:
        model.sentiment(text="a dark square", evidence=True)
    assert "Give a video too" in str(refused.value.fix)


def test_texts_are_compared_where_they_lie_in_one_space(tmp_path: Path) -> None:
    with open_small_conse(tmp_path, questions={**CONSE.questions, "mood": OF_COLOURS}) as model:
        found = model.sentiment(text="a dark square is light")
        assert found.text is not None
        assert found.text.method == "meaning"
        assert {each.text for each in found.text.candidates} == {"red", "blue"}
        assert sum(each.score for each in found.text.candidates) == pytest.approx(1)
        # The video's own is not touched by it.
        assert model.sentiment(film(RED_SCENE), text="blue").candidates == model.sentiment(film(RED_SCENE)).candidates


def test_a_text_that_names_a_label_is_taken_at_its_word(model_folder: Path) -> None:
    model = opened(model_folder, mood=MOODS)
    for text, scores in (
        ("a RED, dark square", {"red": 1.0, "blue": 0.0}),
        ("red is blue is red", {"red": pytest.approx(2 / 3), "blue": pytest.approx(1 / 3)}),
        ("red red, blue", {"red": pytest.approx(2 / 3), "blue": pytest.approx(1 / 3)}),
    ):
        found = model.sentiment(text=text).text
        assert found is not None
        assert found.method == "named"
        assert {each.text: each.score for each in found.candidates} == scores
    cloze = model.sentiment(text="a dark square reddish").text
    assert cloze is not None
    assert cloze.method == "cloze"


def test_a_model_without_such_a_question_says_how_to_teach_one(model_folder: Path, tmp_path: Path) -> None:
    model = opened(model_folder, colour=MOODS)
    for ask in ({}, {"text": "a red square", "evidence": True}):
        with pytest.raises(ModelError, match="never taught what a film feels like") as refused:
            model.sentiment(tmp_path / "nowhere.mp4", **ask)
    asked = model.sentiment(tmp_path / "nowhere.mp4", text="a negative square")
    assert asked.video_unknown == "this model was never taught what a film feels like"
    assert (asked.question, asked.candidates, asked.segments, asked.unsure) == (None, (), (), False)
    assert asked.text == model.sentiment(text="a negative square").text
    assert asked.origin.model == "tiny"
    assert model.sentiment(text="a negative square").video_unknown is None
    assert refused.value.seen == "the questions of tiny: colour"
    assert refused.value.allowed == "a model with a question called sentiment, mood or emotion"
    # A folder below the current one is named from there.
    learn = rf"`videobert learn \S*{model_folder.name} VIDEOS --question sentiment --out my-sentiment`"
    assert re.search(learn, str(refused.value.fix))
    assert "`videobert sentiment VIDEO --model my-sentiment`" in str(refused.value.fix)


def test_untrained_parts_are_said_of_what_rests_on_them(model_folder: Path) -> None:
    folder = ModelFolder(model_folder)
    folder.config = dataclasses.replace(
        folder.config, questions={"mood": MOODS}, untrained=("text_head", "backbone", "visual_head")
    )
    with Runtime(folder, WordsByWhatStandsBefore(), Limits()) as model:
        assert model.sentiment(tokens_of(model, 1)).origin.untrained == ("text_head", "backbone")
        assert model.sentiment(text="a dark square").origin.untrained == ("text_head",)


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        ({}, UsageError, "nothing to judge"),
        ({"text": ""}, InputError, "empty"),
        ({"text": "zebra"}, InputError, "knows no word"),
        ({"text": "a {label} square"}, UsageError, "stands for a label"),
        ({"text": "dark " * 500}, InputError, "longer than"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    model_folder: Path, ask: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        opened(model_folder, mood=MOODS).sentiment(**ask)


def test_a_model_that_knows_no_words_says_so(tmp_path: Path) -> None:
    with open_small_next_token(tmp_path) as model, pytest.raises(ModelError, match="cannot fill in words"):
        model.sentiment(text="the pan")
    with open_small_milnce(tmp_path / "milnce") as other, pytest.raises(InputError):
        # It knows none of the words that its labels would stand in.
        other.sentiment(text="red")


def test_what_the_model_leaves_open_does_not_count(tmp_path: Path) -> None:
    with open_small_conse(tmp_path, questions={**CONSE.questions, "mood": OF_COLOURS}) as model:
        found = model.sentiment(film(RED_SCENE, DARK_SCENE))
        assert [(each.start_s, each.text, each.unsure) for each in found.segments if not each.unsure] == [
            (0.0, "red", False),
            (1.5, "red", False),
        ]
        assert [each.unsure for each in found.segments] == [False, False, True, True]
        assert not found.unsure
        assert (found.answered_by, found.percentile, found.out_of_domain) == ("groups", None, False)
        assert found.candidates[0].score == pytest.approx(found.segments[0].candidates[0].score)
        assert model.sentiment(film(DARK_SCENE)).unsure
