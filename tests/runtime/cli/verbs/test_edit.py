"""`edit`: what stays, an edit list and the cut film."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.editing.film_factory import numbers_of, write_film


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "clip.mp4", options={"bf": "0"})


def test_what_stays(call: Any, fake: Any) -> None:
    ended = call("edit", "clip.mp4", "cut out the talking")
    assert ended.out.splitlines() == ["1.0–1.4 s\tunsure (someone pours)\t0.750", "0.0–0.4 s\tnot cut out\t"]
    assert 'nothing in the film fits "talking"' in ended.err
    assert '0.8 s of 1.6 s stay: move "someone pours" to the front; cut out "talking"' in ended.said


@pytest.mark.parametrize(
    ("instruction", "noted"),
    [("reverse the order", True), ("cut out 0.5 to 1 s, then reverse the order", False)],
)
def test_one_part_cannot_be_reversed(call: Any, film: Path, instruction: str, noted: bool) -> None:
    ended = call("edit", film, instruction)
    assert ended.code == 0
    assert ("one part only" in ended.said) is noted


def test_on_a_terminal_it_fits(watch: Any, fake: Any) -> None:
    ended = watch(60, "edit", "clip.mp4", "cut out the talking", term="dumb")
    assert "time" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 60


def test_options_reach_the_runtime(call: Any, fake: Any) -> None:
    call("edit", "clip.mp4", "--keep", "3.0-7.5", "--keep", "1:05–1:30", "--remove", "4-5", "--seconds", "20")
    _, args, options = fake.asked[0]
    assert args == ("clip.mp4", None)
    assert (options["keep"], options["remove"], options["seconds"]) == ([(3.0, 7.5), (65.0, 90.0)], [(4.0, 5.0)], 20)


def test_a_film_and_a_list_are_written(call: Any, fake: Any, film: Path, tmp_path: Path) -> None:
    cut, edit_list = tmp_path / "cut.mp4", tmp_path / "cut.edl"
    ended = call("edit", film, "cut out the talking", "--out", cut, "--list", edit_list, "--json")
    assert numbers_of(cut) == [*range(25, 35), *range(10)]
    assert "00:00:01:00 00:00:01:10 01:00:00:00 01:00:00:10" in edit_list.read_text()
    written = ended.json["written"]
    assert (written["film"]["frames"], written["list"], written["dry_run"]) == (20, str(edit_list), False)
    again = tmp_path / "again.mp4"
    ended = call("edit", film, "--from", edit_list, "--out", again)
    assert ended.code == 0
    assert "20 frames" in ended.out
    assert numbers_of(again) == numbers_of(cut)


@pytest.mark.parametrize("codec", ["libsvtav1", "libx265", "libvpx-vp9"])
def test_encoders_are_silent(tmp_path: Path, codec: str) -> None:
    """Some write about themselves to standard error, past Python: seen from another process alone."""
    source = write_film(tmp_path / "other.mkv", codec=codec)
    command = [sys.executable, "-m", "videobert", "edit", source, "--keep", "0.2-0.9", "--out", tmp_path / "cut.mkv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == [
        "0.7 s of 1.6 s stay",
        f"wrote {tmp_path / 'cut.mkv'}",
    ]


def test_a_dry_run_writes_nothing(call: Any, fake: Any, film: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    ended = call("edit", film, "x", "--out", tmp_path / "cut.mp4", "--list", tmp_path / "cut.edl", "--dry-run")
    assert "would write" in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_of_films(call: Any, fake: Any, tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    write_film(films / "a.mp4", options={"bf": "0"})
    (films / "b.mp4").write_bytes(b"no film")
    ended = call("edit", films, "cut out the talking", "--out", tmp_path / "cut")
    assert ended.code == 3
    assert numbers_of(tmp_path / "cut" / "a.mp4") == [*range(25, 35), *range(10)]
    assert "1 of 2 videos could not be used" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--keep", "5"), "--keep is no span"),
        (("--keep", "a-b"), "--keep is no span"),
        (("--list", "cut.xml"), "this kind of edit list is not known"),
        (("--out", "cut.gif"), "this kind of film is not written"),
        (("--from", "cut.edl"), "--from needs --out"),
        (("--from", "cut.edl", "--dry-run"), "--from needs --out, with --dry-run too"),
        (("--from", "cut.edl", "--keep", "1-2"), "--from takes the place of an instruction"),
        (("--out", "clip.mp4"), "--out would overwrite a video"),
    ],
)
def test_what_is_refused(
    call: Any, fake: Any, film: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(film.parent)
    ended = call("edit", "clip.mp4", *options)
    assert ended.code == 2
    assert said in ended.said
    assert fake.asked == []
    assert numbers_of(film) == list(range(40))


def test_the_examples_of_the_help_work(call: Any, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bundled model itself."""
    monkeypatch.chdir(tmp_path)
    shown = call("edit", "--help").said
    assert "Example: videobert edit clip.mp4" in shown
    example = (
        "clip.mp4",
        "cut out the first 0.2 seconds",
        "--keep",
        "0.08-1.2",
        "--list",
        "cut.edl",
        "--out",
        "cut.mp4",
    )
    assert call("edit", *example).code == 0
    assert numbers_of(tmp_path / "cut.mp4") == list(range(5, 30))


def test_a_list_takes_no_place_of_the_film(call: Any, fake: Any, film: Path) -> None:
    """What a film is called says nothing, and a second name of it may end in anything."""
    before = film.read_bytes()
    other = film.with_name("clip.json")
    other.hardlink_to(film)
    for named in (film, other):
        ended = call("edit", named, "cut out the talking", "--list", other)
        assert (ended.code, "--list would overwrite a video" in ended.err) == (2, True)
    assert other.read_bytes() == before
    assert not fake.asked
