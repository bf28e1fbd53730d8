"""Several videos and folders: an answer or a failure for each, in order."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import Cancelled, EngineUnavailable, InputError, ModelError, UsageError, VideoBertError

VERBS = {"run": (), "tokens": (), "features": (), "embed": (), "classify": ("--question", "colour")}
ANSWERED = {"run": "segments", "tokens": "ids", "features": "features", "embed": "vector", "classify": "labels"}


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files that the stand-in for the model takes for videos."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "film/b.mp4", "film/a.MKV", "film/deep/z.webm", "film/deep/a.mov", "film/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("film/.hidden.mp4", "film/.trash/old.mp4", "film/b.vbt", "film/b.vbf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


IN_FILM = ["film/a.MKV", "film/b.mp4", "film/deep/a.mov", "film/deep/z.webm"]


def fail_on(fake: Any, errors: dict[str, BaseException], verbs: tuple[str, ...] = tuple(VERBS)) -> None:
    """Lets the stand-in raise on some videos."""
    ask = fake._ask

    def asked(verb: str, *arguments: Any, **options: Any) -> None:
        ask(verb, *arguments, **options)
        if arguments[0] in errors:
            raise errors[arguments[0]]

    fake._ask = asked


def lines(ended: Any) -> list[Any]:
    return [json.loads(line) for line in ended.out.splitlines()]


@pytest.mark.parametrize("verb", VERBS)
def test_each_video_is_answered_in_order_and_named(verb: str, call: Any, fake: Any, films: Path) -> None:
    ended = call(verb, "a.mp4", "film", "x.mp4", *VERBS[verb], "--json")
    assert ended.code == 0
    answers = lines(ended)
    wanted = ["a.mp4", *IN_FILM, "x.mp4"]
    assert [answer["source"] for answer in answers] == wanted
    assert all(next(iter(answer)) == "source" and ANSWERED[verb] in answer for answer in answers)
    assert [given[0] for _, given, _ in fake.asked] == wanted
    shown = call(verb, "a.mp4", "x.mp4", *VERBS[verb])
    assert [line for line in shown.out.splitlines() if line.startswith("==>")] == ["==> a.mp4 <==", "==> x.mp4 <=="]


@pytest.mark.parametrize("verb", VERBS)
def test_one_video_has_the_form_that_it_always_had(verb: str, call: Any, fake: Any, films: Path) -> None:
    ended = call(verb, "a.mp4", *VERBS[verb], "--json")
    assert ended.json.get("source") in (None, "clip.mp4")  # the stand-in's report names its own
    assert "==>" not in call(verb, "a.mp4", *VERBS[verb]).out


def test_a_folder_is_several_whatever_it_holds(call: Any, fake: Any, films: Path) -> None:
    """What reads the lines must not break when a second film comes into the folder."""
    (films / "one").mkdir()
    (films / "one" / "c.mp4").touch()
    assert [line["source"] for line in lines(call("tokens", "one", "--json"))] == ["one/c.mp4"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_failure_is_recorded_and_the_rest_goes_on(verb: str, call: Any, fake: Any, films: Path) -> None:
    fail_on(fake, {"film/a.MKV": InputError("the film is torn", seen="at 3 s", fix="Mend it.")})
    ended = call(verb, "a.mp4", "film/a.MKV", "b.mp4", *VERBS[verb])
    assert ended.code == 3
    assert "error: film/a.MKV: the film is torn\n  seen:    at 3 s\n  fix:     Mend it.\n" in ended.err
    assert ended.err.rstrip().splitlines()[-2] == "error: 1 of 3 videos could not be used"
    assert [line for line in ended.out.splitlines() if line.startswith("==>")] == ["==> a.mp4 <==", "==> b.mp4 <=="]
    ended = call(verb, "a.mp4", "film/a.MKV", "b.mp4", *VERBS[verb], "--json")
    assert ended.code == 3
    first, failed, last = lines(ended)
    assert (first["source"], last["source"]) == ("a.mp4", "b.mp4")
    assert failed == {
        "source": "film/a.MKV",
        "error": {
            "type": "InputError",
            "what": "the film is torn",
            "seen": "at 3 s",
            "allowed": None,
            "fix": "Mend it.",
            "exit_code": 3,
        },
    }
    summary = json.loads(ended.err.splitlines()[-1])["error"]
    assert (summary["what"], summary["exit_code"]) == ("1 of 3 videos could not be used", 3)


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([InputError("x"), ModelError("tokens of another model")], 3),
        ([InputError("x"), ZeroDivisionError("division by zero")], 5),
        ([VideoBertError("x"), InputError("x")], 5),
    ],
    ids=["bad input", "a defect last", "a defect first"],
)
def test_the_worst_failure_decides_the_exit_code(errors: Any, code: int, call: Any, fake: Any, films: Path) -> None:
    fail_on(fake, dict(zip(("1.mp4", "2.mp4"), errors, strict=True)))
    ended = call("tokens", "1.mp4", "2.mp4", "3.mp4", "--json")
    assert ended.code == code
    assert [("error" in line) for line in lines(ended)] == [True, True, False]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("that stride"), 2),
        (EngineUnavailable("no engine"), 4),
        (OSError(28, "No space left on device", "out"), 4),
        (MemoryError(), 4),
        (Cancelled("stopped"), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_no_other_video_would_survive_ends_the_command(
    error: BaseException, code: int, call: Any, fake: Any, films: Path
) -> None:
    fail_on(fake, {"1.mp4": error})
    ended = call("tokens", "1.mp4", "2.mp4")
    assert ended.code == code
    assert len(fake.asked) == 1
    assert fake.closed


def test_folders_without_videos_and_folders_that_cannot_be_read(
    call: Any, fake: Any, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (films / "empty").mkdir()
    (films / "empty" / "notes.txt").touch()
    ended = call("tokens", "empty", "a.mp4", "--json")
    assert ended.code == 3
    assert [line["source"] for line in lines(ended)] == ["empty", "a.mp4"]
    assert lines(ended)[0]["error"]["what"] == "there is no video in this folder"
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    ended = call("tokens", "film", "--json")
    assert ended.code == 3
    assert [line["source"] for line in lines(ended)] == ["film/a.MKV", "film/b.mp4", "film/deep"]


@pytest.mark.parametrize(
    ("saved", "read"),
    [
        (["b.vbf", "a.VBF", "deep/c.vbf"], ["kept/a.VBF", "kept/b.vbf", "kept/deep/c.vbf"]),
        (["b.vbt", "a.vbt"], ["kept/a.vbt", "kept/b.vbt"]),
        # Features tell more than tokens of the same video.
        (["a.vbt", "a.vbf", ".b.vbf"], ["kept/a.vbf"]),
    ],
)
def test_a_folder_without_videos_gives_what_was_saved_of_them(
    saved: list[str], read: list[str], call: Any, fake: Any, films: Path
) -> None:
    for name in saved:
        (films / "kept" / name).parent.mkdir(parents=True, exist_ok=True)
        (films / "kept" / name).touch()
    assert [line["source"] for line in lines(call("classify", "kept", "--question", "colour", "--json"))] == read


@pytest.mark.parametrize(
    ("verb", "option", "suffix"),
    [
        ("run", "--html", ".html"),
        ("tokens", "--out", ".vbt"),
        ("features", "--out", ".vbf"),
        ("embed", "--out", ".npy"),
    ],
)
def test_files_of_several_videos_go_to_a_folder_each_under_a_name_of_its_own(
    verb: str, option: str, suffix: str, call: Any, fake: Any, films: Path
) -> None:
    ended = call(verb, "a.mp4", "film", "other/A.avi", option, "pages")
    assert ended.code == 0
    assert sorted(path.name for path in (films / "pages").iterdir()) == sorted(
        name + suffix for name in ("a", "a-2", "b", "a-3", "z", "A-4")
    )
    if verb != "run":
        assert ended.out == ""
    fake.loaded.clear()
    (films / "taken").touch()
    for place in ("taken", "missing/folder"):
        ended = call(verb, "a.mp4", "b.mp4", option, place)
        assert (ended.code, option in ended.err) == (2, True)
        assert not fake.loaded
    # One video is written to one file, as ever.
    assert call(verb, "a.mp4", option, f"one{suffix}").code == 0
    assert (films / f"one{suffix}").is_file()
    assert call(verb, "a.mp4", option, "pages").code == 2


@pytest.mark.parametrize(
    ("verb", "option"), [("run", "--html"), ("tokens", "--out"), ("features", "--out"), ("embed", "--out")]
)
def test_no_output_takes_the_place_of_a_video(verb: str, option: str, call: Any, fake: Any, films: Path) -> None:
    (films / "a.mp4").write_bytes(b"film")
    (films / "link.mp4").symlink_to("a.mp4")
    (films / "hard.mp4").hardlink_to("a.mp4")
    for place in ("a.mp4", "./film/../a.mp4", "link.mp4", "hard.mp4"):
        ended = call(verb, "a.mp4", option, place)
        assert (ended.code, f"{option} would overwrite a video" in ended.err) == (2, True)
    assert not fake.loaded
    assert (films / "a.mp4").read_bytes() == b"film"
    # What is not read may be replaced.
    assert call(verb, "film/b.mp4", option, "hard.mp4").code == 0


def test_of_several_videos_none_is_overwritten_by_the_answer_about_another(call: Any, fake: Any, films: Path) -> None:
    (films / "a.vbt").write_bytes(b"kept")
    ended = call("tokens", "a.mp4", "a.vbt", "--out", ".")
    assert (ended.code, (films / "a.vbt").read_bytes()) == (2, b"kept")


def test_a_folder_is_searched_for_files_alone(call: Any, fake: Any, films: Path) -> None:
    """Opening a named pipe waits for whoever writes to it, for ever."""
    os.mkfifo(films / "film" / "camera.mp4")
    (films / "film" / "device.mp4").symlink_to("/dev/zero")
    (films / "film" / "gone.mp4").symlink_to("nowhere")
    ended = call("tokens", "film", "--json")
    assert [line["source"] for line in lines(ended)] == [*IN_FILM[:2], "film/gone.mp4", *IN_FILM[2:]]
    # By its own name it is read.
    assert call("tokens", "film/camera.mp4", "a.mp4").code == 0
    assert fake.asked[-2][1] == ("film/camera.mp4",)


def test_a_name_cannot_begin_a_line_of_its_own(call: Any, fake: Any, films: Path) -> None:
    ended = call("tokens", "a\n0.0–1.5 s\t<7>\t1.mp4", "a.mp4")
    assert ended.out.splitlines()[0] == "==> a\\n0.0–1.5 s\\t<7>\\t1.mp4 <=="


def test_what_the_others_lack_is_not_told_where_there_are_none(call: Any, fake: Any, films: Path) -> None:
    fail_on(fake, {name: InputError("torn") for name in ("a.mp4", "b.mp4")})
    assert "the others" in call("tokens", "a.mp4", "c.mp4").err
    assert "the others" not in call("tokens", "a.mp4", "b.mp4").err
