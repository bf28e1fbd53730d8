"""From labelled stretches to a model that answers: all of it, on films of one colour each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.modeling.learn.conftest import COLOURS, Lesson, film, write_data

import videobert
from videobert.base.errors import InputError, ModelError, UsageError
from videobert_modeling.learn import learn


def test_what_was_learned_is_answered_about_films_that_were_not_shown(lesson: Lesson, tmp_path: Path) -> None:
    (question,) = lesson.learned.questions.values()
    assert question.accuracy is not None
    assert question.accuracy.value == 1.0
    assert question.measured == 8
    assert lesson.learned.built
    assert lesson.learned.clips_computed == 16
    assert lesson.learned.left_out == ()
    with videobert.load(lesson.learned.folder) as model:
        for label, colour in COLOURS.items():
            (tmp_path / "new.mp4").write_bytes(film(colour, seed=12345))
            answer = model.classify(tmp_path / "new.mp4", question="shade", window_clips=2)
            assert answer.segments[0].text == label
            assert answer.labels == ("dark", "light")
            report = model.run(tmp_path / "new.mp4")
            assert report.segments[0].answers["shade"][0].text == label


def test_the_same_data_gives_the_same_bytes_and_the_backbone_rests(lesson: Lesson, tmp_path: Path) -> None:
    # Elsewhere, with features found anew and with features from the store.
    desk = tmp_path / "elsewhere"
    desk.mkdir()
    for path in lesson.data.parent.glob("*.*"):
        shutil.copy(path, desk)
    anew = learn(lesson.model, desk / "data.jsonl", desk / "taught", features=desk / "features")
    again = learn(lesson.model, lesson.data, tmp_path / "taught", features=lesson.features)
    assert (anew.clips_computed, again.clips_computed) == (16, 0)
    names = sorted(path.relative_to(again.folder) for path in again.folder.rglob("*") if path.is_file())
    for folder in (anew.folder, again.folder):
        for name in names:
            assert (folder / name).read_bytes() == (lesson.learned.folder / name).read_bytes(), name


def test_a_model_that_was_not_built_learns_the_same(lesson: Lesson, unbuilt_model: Path, tmp_path: Path) -> None:
    learned = learn(unbuilt_model, lesson.data, tmp_path / "taught", features=tmp_path / "features")
    assert not learned.built
    assert not (learned.folder / "manifest.json").exists()
    assert not (learned.folder / "graphs").exists()
    assert learned.questions["shade"].accuracy == lesson.learned.questions["shade"].accuracy


def test_a_question_called_sentiment_makes_a_head_that_the_verb_asks(lesson: Lesson, tmp_path: Path) -> None:
    """The way that the error of a model without one names."""
    with videobert.load(lesson.model) as model, pytest.raises(ModelError, match="never taught") as refused:
        model.sentiment(lesson.data.parent / "dark0.mp4")
    assert "videobert learn" in str(refused.value.fix)
    assert "--question sentiment" in str(refused.value.fix)
    for path in lesson.data.parent.glob("*.mp4"):
        target = tmp_path / "videos" / {"dark": "negative", "light": "positive"}[path.stem[:-1]] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    learned = learn(
        lesson.model, tmp_path / "videos", tmp_path / "taught", questions=["sentiment"], features=lesson.features
    )
    # Films are known by what is in them, not by where they lie.
    assert learned.clips_computed == 0
    with videobert.load(learned.folder) as model:
        for label, colour in zip(("negative", "positive"), COLOURS.values(), strict=True):
            (tmp_path / "new.mp4").write_bytes(film(colour, seed=54321))
            found = model.sentiment(tmp_path / "new.mp4")
            assert (found.question, found.candidates[0].text) == ("sentiment", label)
            assert {each.text for each in found.segments} == {label}


def test_a_folder_of_classes_is_a_question(lesson: Lesson, tmp_path: Path) -> None:
    for path in lesson.data.parent.glob("*.mp4"):
        target = tmp_path / "Light and dark" / path.stem[:-1] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    learned = learn(lesson.model, tmp_path / "Light and dark", tmp_path / "taught", features=lesson.features)
    assert list(learned.questions) == ["light_and_dark"]
    assert learned.clips_computed == 0  # the same films


def test_a_broken_film_is_left_out_and_told(lesson: Lesson, tmp_path: Path) -> None:
    data = write_data(tmp_path, per_label=3)
    (tmp_path / "dark1.mp4").write_bytes(b"no film")
    learned = learn(lesson.model, data, tmp_path / "taught", features=tmp_path / "features")
    assert [(each.video, each.where) for each in learned.left_out] == [("dark1.mp4", "line 2")]
    assert learned.questions["shade"].examples == (2, 3)
    told = learned.to_json()
    assert told["left_out"][0]["stretches"] == 1
    json.dumps(told)


def test_too_little_that_can_be_read_is_an_error_that_names_the_first(lesson: Lesson, tmp_path: Path) -> None:
    data = write_data(tmp_path, per_label=2)
    (tmp_path / "dark1.mp4").write_bytes(b"no film")
    with pytest.raises(InputError, match=r"too little can be read .* the question shade .*line 2.*got dark1\.mp4"):
        learn(lesson.model, data, tmp_path / "taught", features=tmp_path / "features")
    assert not (tmp_path / "taught").exists()


def test_what_is_wrong_is_told_before_any_film_is_read(lesson: Lesson, tmp_path: Path) -> None:
    data = write_data(tmp_path, per_label=2)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    store = tmp_path / "features"
    with pytest.raises(UsageError, match="the place to write to is taken"):
        learn(lesson.model, data, tmp_path / "taken", features=store)
    with pytest.raises(ModelError, match="there is no such model"):
        learn("nowhere", data, tmp_path / "taught", features=store)
    with pytest.raises(InputError, match="the data cannot be read"):
        learn(lesson.model, tmp_path / "no.jsonl", tmp_path / "taught", features=store)
    for name, told in (("text", "cannot be called so"), ("colour", "has a question of this name")):
        renamed = data.read_text(encoding="utf-8").replace("shade", name)
        (tmp_path / "other.jsonl").write_text(renamed, encoding="utf-8")
        with pytest.raises(UsageError, match=told):
            learn(lesson.model, tmp_path / "other.jsonl", tmp_path / "taught", features=store)
    assert not store.exists()
