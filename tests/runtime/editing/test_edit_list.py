"""Edit lists go out and come back: our own form, CMX 3600 and OpenTimelineIO."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from tests.runtime.editing.film_factory import numbers_of
from tests.runtime.editing.film_factory import write_film as make
from tests.runtime.editing.sample_plan import make_plan

from videobert.base.errors import InputError, UsageError
from videobert.editing.edit_list import read_edit_list, text_of, write_edit_list
from videobert.editing.film import write_film

RATES = [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001), Fraction(30)]
SPANS = ((15, 30), (3, 9), (37, 38))
FORMS = (".json", ".edl", ".otio")


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("rate", RATES)
def test_there_and_back_to_the_frame(tmp_path: Path, suffix: str, rate: Fraction) -> None:
    """The film that is cut by the list that was read is the film that was planned."""
    if suffix == ".otio":
        pytest.importorskip("opentimelineio")
    source = make(tmp_path / "a.mp4", codec="mpeg4", rate=rate, options={"bf": "0"})
    plan = make_plan(source, SPANS)
    path = tmp_path / f"cut{suffix}"
    write_edit_list(plan, path)
    spans = read_edit_list(path, source)
    assert spans == [(pytest.approx(each.start_s), pytest.approx(each.end_s)) for each in plan.spans]
    cut = tmp_path / "cut.mp4"
    write_film(source, spans, cut)
    assert numbers_of(cut) == [n for first, end in SPANS for n in range(first, end)]


@pytest.mark.parametrize("suffix", FORMS)
def test_a_film_whose_time_codes_begin_later(tmp_path: Path, suffix: str) -> None:
    if suffix == ".otio":
        pytest.importorskip("opentimelineio")
    rate = Fraction(30000, 1001)
    source = make(tmp_path / "a.mov", rate=rate, options={"bf": "0"}, tags={"timecode": "10:00:00;00"})
    plan = make_plan(source, SPANS)
    path = tmp_path / f"cut{suffix}"
    write_edit_list(plan, path)
    if suffix == ".edl":
        assert "10:00:00;15 10:00:01;00 01:00:00;00 01:00:00;15" in path.read_text()
    assert read_edit_list(path, source) == [
        (pytest.approx(each.start_s), pytest.approx(each.end_s)) for each in plan.spans
    ]


def test_irregular_frames_are_told(tmp_path: Path) -> None:
    times = [Fraction(n * n + 40 * n, 1000) for n in range(40)]
    source = make(tmp_path / "a.mp4", times=times, time_base=Fraction(1, 1000))
    plan = make_plan(source, SPANS)
    assert plan.film.variable_rate
    text = text_of(plan, ".edl")
    assert "VARIABLE FRAME RATE" in text
    path = tmp_path / "cut.edl"
    path.write_text(text)
    # Rounded to a frame of the nominal rate, and no more.
    for (start, end), span in zip(read_edit_list(path, source), plan.spans, strict=True):
        assert abs(start - span.start_s) <= 1 / float(plan.film.rate)
        assert abs(end - span.end_s) <= 1 / float(plan.film.rate)
    exact = tmp_path / "cut.json"
    write_edit_list(plan, exact)
    assert read_edit_list(exact, source) == [(each.start_s, each.end_s) for each in plan.spans]


@pytest.mark.parametrize("suffix", FORMS)
def test_names_lead_nowhere(tmp_path: Path, suffix: str) -> None:
    """A film's name, whatever is in it, stays a name: no path, and no line of its own."""
    if suffix == ".otio":
        pytest.importorskip("opentimelineio")
    plan = make_plan(make(tmp_path / "a\n002  AX V C 00:00:00:00.mp4", codec="mpeg4"), SPANS)
    text = text_of(plan, suffix)
    assert str(tmp_path) not in text
    if suffix == ".edl":
        assert len([line for line in text.splitlines() if line[:3].isdigit()]) == len(SPANS)
    elif suffix == ".otio":
        otio = pytest.importorskip("opentimelineio")
        clip = otio.core.deserialize_json_from_string(text).video_tracks()[0][0]
        assert "/" not in clip.media_reference.target_url
        assert "\n" not in clip.media_reference.target_url


def test_a_list_of_another_film(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", codec="mpeg4")
    other = make(tmp_path / "b.mp4", codec="mpeg4", rate=Fraction(30))
    path = tmp_path / "cut.edl"
    write_edit_list(make_plan(source, SPANS), path)
    with pytest.raises(InputError, match="another frame rate"):
        read_edit_list(path, other)


def test_bad_lists(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", codec="mpeg4", frames=5)
    plan = make_plan(source, ((0, 2),))
    with pytest.raises(UsageError, match="not known"):
        write_edit_list(plan, tmp_path / "cut.xml")
    with pytest.raises(UsageError, match="no EditPlan"):
        write_edit_list("plan", tmp_path / "cut.edl")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be read") as missing:
        read_edit_list(tmp_path / "none.edl", source)
    assert missing.value.seen == f"{tmp_path / 'none.edl'} (No such file or directory)"
    good = json.loads(text_of(plan, ".json"))
    spans: list[list[dict[str, object]]] = [[], [{"start_s": "0", "end_s": 1}], [{"start_s": 0, "end_s": 10**400}]]
    for bad in ([], {}, good | {"version": 2}, *(good | {"spans": each} for each in spans)):
        (tmp_path / "bad.json").write_text(json.dumps(bad))
        with pytest.raises(InputError, match="no edit list"):
            read_edit_list(tmp_path / "bad.json", source)
    for text in ("", "[" * 100_000, "\0"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match="no edit list; got a text that is not JSON"):
            read_edit_list(tmp_path / "bad.json", source)
