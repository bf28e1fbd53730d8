"""Features on disk: named by what made them, and of no use when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from videobert.base.errors import InputError
from videobert_modeling.learn.features.store import FeatureStore, Source, digest_of
from videobert_modeling.learn.features.video_features import VideoFeatures

SOURCE = Source(video="1" * 64, clip_hash="2" * 16, backbone_hash="3" * 16)
KNOWN = VideoFeatures(
    start_s=np.array([0.0, 1.5, 3.0]),
    end_s=np.array([1.5, 3.0, 3.5]),
    padded_frames=np.array([0, 0, 10]),
    complete=False,
    features={0: np.array([1, 2], np.float32), 2: np.array([3, 4], np.float32)},
)


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "new" / "folder")
    assert store.get(SOURCE) is None
    store.put(SOURCE, KNOWN)
    back = store.get(SOURCE)
    assert back is not None
    for name in ("start_s", "end_s", "padded_frames"):
        np.testing.assert_array_equal(getattr(back, name), getattr(KNOWN, name))
    assert back.complete is False
    assert sorted(back.features) == [0, 2]
    np.testing.assert_array_equal(back.features[2], KNOWN.features[2])


@pytest.mark.parametrize("field", ["video", "clip_hash", "backbone_hash"])
def test_an_entry_of_something_else_is_none(tmp_path: Path, field: str) -> None:
    store = FeatureStore(tmp_path)
    store.put(SOURCE, KNOWN)
    fields = {"video": SOURCE.video, "clip_hash": SOURCE.clip_hash, "backbone_hash": SOURCE.backbone_hash}
    other = Source(**{**fields, field: "f" * 16})
    assert store.get(other) is None
    # Nor where its file was given the other's name.
    (entry,) = tmp_path.iterdir()
    entry.rename(store._path(tmp_path, other))
    assert store.get(other) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("features", np.array([[1, np.nan], [3, 4]], np.float32)),
        ("features", np.ones((3, 2), np.float32)),
        ("features", np.ones((2, 2), np.float16)),
        ("numbers", np.array([0, 3])),
        ("numbers", np.array([-1, 0])),
        ("start_s", np.array([0.0, np.inf, 3.0])),
        ("start_s", np.array([0.0, 1.5])),
        ("more", np.zeros(1)),
    ],
)
def test_an_entry_that_does_not_fit_itself_is_none(tmp_path: Path, name: str, value: np.ndarray) -> None:
    store = FeatureStore(tmp_path)
    store.put(SOURCE, KNOWN)
    (entry,) = tmp_path.iterdir()
    tensors = load_file(entry) | {name: value}
    metadata = {
        "format": "videobert clip features 1",
        "video": SOURCE.video,
        "clip_hash": SOURCE.clip_hash,
        "backbone_hash": SOURCE.backbone_hash,
        "complete": "False",
    }
    save_file(tensors, entry, metadata)
    assert store.get(SOURCE) is None
    entry.write_bytes(b"damaged")
    assert store.get(SOURCE) is None


def test_the_users_cache_is_the_usual_place_and_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    FeatureStore().put(SOURCE, KNOWN)
    assert FeatureStore().get(SOURCE) is not None
    (entry,) = (tmp_path / "cache/videobert/clip-features").iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    FeatureStore().put(SOURCE, KNOWN)
    assert FeatureStore().get(SOURCE) is None


def test_a_folder_that_was_named_and_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="the folder for features cannot be used"):
        FeatureStore(tmp_path / "file")


def test_a_video_is_named_by_its_content(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b") != digest_of(tmp_path / "c")
