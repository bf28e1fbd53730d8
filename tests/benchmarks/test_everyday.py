"""The trial on labelled film: its measures, its windows and what a manifest may hold."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EVERYDAY = Path(__file__).parents[2] / "benchmarks" / "everyday"
sys.path.append(str(EVERYDAY))

import features  # noqa: E402
import films  # noqa: E402
import made_transitions  # noqa: E402
import measures  # noqa: E402

from videobert.get.everyday_config import DATA  # noqa: E402


def test_measures_on_logits_known_by_hand() -> None:
    logits = np.log(np.array([[1.0, 1.0, 2.0], [6.0, 1.0, 1.0]]))
    np.testing.assert_allclose(measures.energy(logits), np.log([4.0, 8.0]))
    np.testing.assert_allclose(measures.probabilities(logits), [[0.25, 0.25, 0.5], [0.75, 0.125, 0.125]])
    np.testing.assert_allclose(measures.margin(logits), np.log([2.0, 6.0]))
    assert measures.auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == 0.875


def test_a_window_is_measured_with_its_better_neighbour() -> None:
    logits = np.array([[8.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    same, apart = np.log(np.exp(8) + 1), 4 + np.log(2)
    np.testing.assert_allclose(measures.energy_with_neighbour(logits), [same, same, apart])
    np.testing.assert_allclose(measures.energy_with_neighbour(logits[:1]), [same])


def test_windows_begin_every_64_samples_and_a_short_film_has_one() -> None:
    assert features.starts(160) == [0, 64, 128]
    assert features.starts(159) == [0, 64]
    assert features.starts(160, later=True) == [32, 96]
    assert (features.starts(5), features.starts(5, later=True)) == ([0], [])
    film = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    assert features.window(film, 4, 4, 2, flip=False)[0, :, 0, 0, 0].tolist() == [4, 6, 8, 9]


def test_a_manifest_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    entry = {"path": "a.mp4", "title": "a", "source": "s", "licence": "l", "sha256": "0" * 64, "kind": "action"}
    manifest = tmp_path / "films.json"
    manifest.write_text(json.dumps({"films": [entry]}))
    (film,) = films.read(manifest).films
    with pytest.raises(ValueError, match="the manifest says 0000"):
        films.check(film)
    entry["sha256"] = hashlib.sha256(b"film").hexdigest()
    manifest.write_text(json.dumps({"films": [entry]}))
    films.check(films.read(manifest).films[0])
    for wrong, said in (([entry | {"kind": "odd"}], "allowed: action"), ([entry, entry], "same file name")):
        manifest.write_text(json.dumps({"films": wrong}))
        with pytest.raises(ValueError, match=said):
            films.read(manifest)


def test_the_committed_manifest_and_readings_are_whole() -> None:
    found = films.read(EVERYDAY / "films.json")
    readings = json.loads((DATA / "action_readings.json").read_text())
    assert len(readings) == 400
    assert all(
        set(film.labels) <= set(readings) and (film.kind == "action") <= bool(film.labels) for film in found.films
    )
    assert {film.topic for film in found.films} - {None} <= set(found.topics)


def noise(seed: int) -> Any:
    """A still picture for 60 frames."""
    picture = np.random.default_rng(seed).integers(0, 256, (1, 27, 48, 3), dtype=np.uint8)
    return picture.repeat(60, 0)


def test_made_transitions_are_where_they_are_said_to_be() -> None:
    one, other = noise(5), noise(6)
    for kind, mixed in made_transitions.KINDS.items():
        film, places = made_transitions.joined(one, other, kind)
        assert (len(film), len(places)) == (120, mixed + 1)
        assert np.array_equal(film[: places[0]], one[: places[0]])
        assert np.array_equal(film[places[-1] :], other[places[-1] - 60 :])
        known = [film[place] for place in places[:-1]]
        assert not any(np.array_equal(picture, end[0]) for picture in known for end in (one, other))
        if kind == "fade":
            assert film[59:61].mean() < one.mean() / 4
        if kind.startswith("wipe"):
            assert np.array_equal(film[60, :, :20], other[0, :, :20])
            assert np.array_equal(film[60, :, 28:], one[0, :, 28:])


def test_what_the_network_would_find_and_is_not_asked_about_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def network(window: Any) -> Any:
        # It sees a transition wherever the picture changes.
        logits = made_transitions.calm(window)
        logits[0, :-1][(window[0, 1:] != window[0, :-1]).any((1, 2, 3))] = 9.0
        return logits

    films = [noise(5), noise(6)]
    counts = dict(made_transitions.tried(0, films, network, 0.5))
    assert list(counts) == list(made_transitions.KINDS)
    hard = counts["hard cut"]
    assert (hard["trials"], hard["found_by_rule"], hard["windows_asked_by_rule"]) == (1, 1, 0)
    assert hard["windows_asked_always"] == 5
    assert counts["dissolve of 25"]["windows_asked_by_rule"] > 0
    assert counts["dissolve of 25"]["lost_by_rule"] == 0
    monkeypatch.setattr(made_transitions.cut_detectors, "_MIXED_CHANGED", 999.0)
    counts = dict(made_transitions.tried(0, films, network, 0.5))
    assert counts["dissolve of 25"]["lost_by_rule"] == counts["dissolve of 25"]["found_always"] == 1


def test_each_way_to_ask_is_put_back() -> None:
    before = vars(made_transitions.cut_detectors).copy()
    for name, way in made_transitions.WAYS.items():
        with way():
            assert (vars(made_transitions.cut_detectors) == before) == (name == "by_rule")
        assert vars(made_transitions.cut_detectors) == before


def test_windows_of_films_as_they_are_are_counted() -> None:
    counts = made_transitions.whole_films([noise(5), np.concatenate([noise(5), noise(6)])])
    assert counts == {
        "films": 2,
        "frames": 180,
        "windows_asked_always": 3 + 5,
        "windows_asked_by_rule": 0,
        "windows_asked_without_mixtures": 0,
    }
