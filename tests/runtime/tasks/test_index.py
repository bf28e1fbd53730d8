"""`index`: what becomes of files that are new, changed, moved, gone or damaged."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.small_conse import film, open_small_conse
from tests.small_model import mp4

from videobert.base.errors import Cancelled, EngineUnavailable, MismatchError, ModelError, UsageError
from videobert.index.reader import IndexReader
from videobert.results.index import Indexed, IndexedFile
from videobert.runtime import Runtime

RED, GREEN, BLUE = (220, 10, 10), (10, 220, 10), (10, 10, 220)


@pytest.fixture(scope="module")
def films() -> dict[str, bytes]:
    """Small films by name."""
    made = {"red": film(RED), "green": film(GREEN), "blue": film(BLUE), "both": film(RED, BLUE)}
    return {name: mp4(frames) for name, frames in made.items()}


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Runtime]:
    with open_small_conse(tmp_path / "model") as runtime:
        yield runtime


@pytest.fixture
def folder(tmp_path: Path, films: dict[str, bytes]) -> Path:
    place = tmp_path / "films"
    (place / "deep").mkdir(parents=True)
    (place / "red.mp4").write_bytes(films["red"])
    (place / "deep" / "both.mp4").write_bytes(films["both"])
    return place


def states(indexed: Indexed) -> dict[str, str]:
    return {Path(each.source).name: each.state for each in indexed.files}


def backbone_runs(model: Runtime) -> int:
    engine: Any = model._opened.engine
    return int(engine.calls.count("backbone"))


def test_stretches_have_the_times_shots_and_pictures_of_their_video(
    model: Runtime, folder: Path, tmp_path: Path
) -> None:
    indexed = model.index(folder, tmp_path / "index")
    assert states(indexed) == {"red.mp4": "added", "both.mp4": "added"}
    assert (indexed.videos, indexed.stretches) == (2, 6)
    reader = IndexReader(tmp_path / "index")
    both = [each for each in map(reader.stretch, range(6)) if each.source.endswith("both.mp4")]
    assert [(each.start_s, each.end_s, each.shot) for each in both] == [
        (0.0, 1.5, 0),
        (1.5, 3.0, 0),
        (3.0, 4.5, 1),
        (4.5, 6.0, 1),
    ]
    assert [each.ids.tolist() for each in both] == [[0], [0], [2], [2]]
    assert reader.picture(0).startswith(b"\xff\xd8")
    assert len(reader.picture(0)) < 4_000


def test_a_second_call_runs_the_model_on_nothing(model: Runtime, folder: Path, tmp_path: Path) -> None:
    model.index(folder, tmp_path / "index")
    before = backbone_runs(model)
    # Its time alone says nothing: then the content decides.
    os.utime(folder / "red.mp4", ns=(1, 1))
    indexed = model.index([folder], tmp_path / "index")
    assert set(states(indexed).values()) == {"unchanged"}
    assert backbone_runs(model) == before


def test_what_changed_is_redone_and_what_is_gone_leaves(
    model: Runtime, folder: Path, tmp_path: Path, films: dict[str, bytes]
) -> None:
    model.index(folder, tmp_path / "index")
    (folder / "red.mp4").write_bytes(films["green"])
    (folder / "deep" / "both.mp4").unlink()
    indexed = model.index(folder, tmp_path / "index")
    assert states(indexed) == {"both.mp4": "removed", "red.mp4": "changed"}
    reader = IndexReader(tmp_path / "index")
    assert [reader.stretch(int(row)).ids.tolist() for row in reader.rows()] == [[1], [1]]


def test_what_moved_is_recognised_by_its_content(model: Runtime, folder: Path, tmp_path: Path) -> None:
    model.index(folder, tmp_path / "index")
    before = backbone_runs(model)
    shutil.move(folder / "red.mp4", folder / "deep" / "rouge.mp4")
    shutil.copy(folder / "deep" / "both.mp4", folder / "copy.mp4")
    indexed = model.index(folder, tmp_path / "index")
    assert states(indexed) == {
        "red.mp4": "removed",
        "copy.mp4": "copied",
        "both.mp4": "unchanged",
        "rouge.mp4": "moved",
    }
    assert backbone_runs(model) == before
    assert (indexed.videos, indexed.stretches) == (2, 6)
    sources = {IndexReader(tmp_path / "index").stretch(row).source for row in range(6)}
    assert str(folder / "deep" / "rouge.mp4") in sources


def test_damaged_files_are_recorded_and_the_rest_goes_on(
    model: Runtime, folder: Path, tmp_path: Path, films: dict[str, bytes]
) -> None:
    (folder / "aaa.mp4").write_bytes(b"no video at all")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    indexed = model.index(folder, tmp_path / "index")
    assert {name for name, state in states(indexed).items() if state == "failed"} == {
        "aaa.mp4",
        "empty.mp4",
        "dangling.mp4",
    }
    assert all(each.error for each in indexed.failed)
    assert indexed.videos == 2
    before = backbone_runs(model)
    again = model.index(folder, tmp_path / "index")
    assert len(again.failed) == 3
    assert backbone_runs(model) == before
    (folder / "aaa.mp4").write_bytes(films["blue"])
    mended = model.index(folder, tmp_path / "index")
    assert states(mended)["aaa.mp4"] == "added"


def test_names_that_no_file_has_and_what_is_no_plain_file_are_failures_among_the_rest(
    model: Runtime, folder: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    odd = ["\ud800.mp4", "null\0.mp4", "a" * 100_000, tmp_path / "pipe.mp4", "/dev/zero"]
    indexed = model.index([*odd, folder], tmp_path / "index")
    assert len(indexed.failed) == len(odd)
    assert indexed.videos == 2
    # What is recorded can be read again.
    assert IndexReader(tmp_path / "index").videos == 2
    assert model.index(folder, tmp_path / "index").failed == ()


def test_a_file_that_failed_is_tried_again_where_that_is_asked(
    model: Runtime, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert.tasks import index as module

    real = module.see_video
    monkeypatch.setattr(module, "see_video", lambda *_, **__: (_ for _ in ()).throw(module.InputError("odd")))
    assert len(model.index(folder, tmp_path / "index").failed) == 2
    monkeypatch.setattr(module, "see_video", real)
    assert len(model.index(folder, tmp_path / "index").failed) == 2
    assert model.index(folder, tmp_path / "index", retry=True).failed == ()


def test_a_defect_on_one_file_is_recorded_and_tried_again(
    model: Runtime, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert.tasks import index as module

    real = module.see_video
    monkeypatch.setattr(module, "see_video", lambda *_, **__: {}["defect"])
    assert [each.error for each in model.index(folder, tmp_path / "index").failed] == ["KeyError: 'defect'"] * 2
    monkeypatch.setattr(module, "see_video", real)
    assert model.index(folder, tmp_path / "index").failed == ()


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    model: Runtime, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert.tasks import index as module

    real = module.see_video

    def meanwhile(opened: Any, path: str, request: Any, **options: Any) -> Any:
        seen = real(opened, path, request, **options)
        os.utime(path, ns=(5, 5))
        return seen

    monkeypatch.setattr(module, "see_video", meanwhile)
    failed = model.index(folder / "red.mp4", tmp_path / "index").failed
    assert [each.error for each in failed if each.error and "while it was read" in each.error]


def test_what_was_told_is_kept_when_the_call_is_stopped(model: Runtime, folder: Path, tmp_path: Path) -> None:
    cancel, told = threading.Event(), []

    def stop(file: IndexedFile) -> None:
        told.append(file.source)
        cancel.set()

    with pytest.raises(Cancelled):
        model.index(folder, tmp_path / "index", on_file=stop, cancel=cancel)
    assert len(told) == 1
    assert {IndexReader(tmp_path / "index").stretch(0).source} == set(told)
    assert sorted(states(model.index(folder, tmp_path / "index")).values()) == ["added", "unchanged"]


def test_files_outside_the_folders_stay(model: Runtime, folder: Path, tmp_path: Path, films: dict[str, bytes]) -> None:
    (tmp_path / "other.mp4").write_bytes(films["blue"])
    model.index([folder, tmp_path / "other.mp4"], tmp_path / "index")
    (tmp_path / "other.mp4").unlink()
    assert model.index(folder / "deep", tmp_path / "index").videos == 3
    # Named itself, it is missed.
    assert states(model.index(tmp_path / "other.mp4", tmp_path / "index")) == {"other.mp4": "failed"}
    assert IndexReader(tmp_path / "index").videos == 2


def test_an_empty_folder_has_lost_its_videos(model: Runtime, folder: Path, tmp_path: Path) -> None:
    model.index(folder, tmp_path / "index")
    shutil.rmtree(folder / "deep")
    (folder / "red.mp4").unlink()
    indexed = model.index(folder, tmp_path / "index")
    assert states(indexed) == {"red.mp4": "removed", "both.mp4": "removed"}
    assert (indexed.videos, indexed.stretches) == (0, 0)


def test_each_file_is_told_of_before_it_is_read(model: Runtime, folder: Path, tmp_path: Path) -> None:
    begun: list[tuple[str, int, int]] = []
    model.index(
        folder, tmp_path / "index", on_begin=lambda path, number, count: begun.append((Path(path).name, number, count))
    )
    assert begun == [("red.mp4", 0, 2), ("both.mp4", 1, 2)]


def test_an_index_of_another_recipe_or_stride_is_refused(model: Runtime, folder: Path, tmp_path: Path) -> None:
    model.index(folder, tmp_path / "index")
    with pytest.raises(MismatchError, match="stride"):
        model.index(folder, tmp_path / "index", stride=2)
    assert IndexReader(tmp_path / "index").videos == 2


@pytest.mark.parametrize("videos", [[], 3, b"x", [3]])
def test_what_names_no_video_is_refused(model: Runtime, tmp_path: Path, videos: Any) -> None:
    with pytest.raises(UsageError):
        model.index(videos, tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_a_model_that_embeds_nothing_says_which_do(tmp_path: Path) -> None:
    from tests.small_next_token import open_small_next_token

    (tmp_path / "next").mkdir()
    with open_small_next_token(tmp_path / "next") as runtime, pytest.raises(ModelError, match="vector"):
        runtime.index(tmp_path, tmp_path / "index")


def test_without_faiss_it_says_what_to_install(
    model: Runtime, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(EngineUnavailable, match=r"videobert\[search\]"):
        model.index(folder, tmp_path / "index")


def test_saved_features_are_indexed_without_pictures(model: Runtime, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    model.features(folder / "deep" / "both.mp4").save(tmp_path / "saved" / "both.vbf")
    indexed = model.index(tmp_path / "saved", tmp_path / "index")
    assert (indexed.videos, indexed.stretches) == (1, 4)
    assert IndexReader(tmp_path / "index").picture(0) == b""
