"""The trial on labelled film: its measures, its windows and what a manifest may hold."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

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


def test_made_transitions_are_where_they_are_said_to_be() -> None:
    random = np.random.default_rng(5)
    one, other = (random.integers(0, 256, (1, 27, 48, 3), dtype=np.uint8).repeat(60, 0) for _ in range(2))
    for kind, mixed in made_transitions.KINDS.items():
        film, places = made_transitions.joined(one, other, kind)
        assert (len(film), len(places)) == (120, mixed + 1)
        assert np.array_equal(film[: places[0]], one[: places[0]])
        assert np.array_equal(film[places[-1] :], other[places[-1] - 60 :])
        known = [film[place] for place in places[:-1]]
        assert not any(np.array_equal(picture, end[0]) for picture in known for end in (one, other))
        assert made_transitions.is_noticed(film, places)
    assert film[59:61].mean() < one.mean() / 4
    still, places = made_transitions.joined(one, one, "hard cut")
    assert not made_transitions.is_noticed(still, places)


def test_the_rule_without_mixtures_is_put_back() -> None:
    with_mixtures = made_transitions.cut_detectors._MIXED_CHANGED
    with made_transitions.without_mixtures():
        assert made_transitions.cut_detectors._MIXED_CHANGED == made_transitions.WITHOUT_MIXTURES
    assert made_transitions.cut_detectors._MIXED_CHANGED == with_mixtures != made_transitions.WITHOUT_MIXTURES
