"""`videobert models`: what is here by name, and what could be got."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from videobert.doctor.model_list import list_models
from videobert.model.folder import find
from videobert.model.manifest import write_manifest
from videobert.results.as_json import to_json


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("VIDEOBERT_MODELS", str(folder))
    return folder


@pytest.fixture
def everyday(models: Path) -> Path:
    folder = Path(shutil.copytree(find("shapes"), models / "everyday"))
    folder.chmod(0o755)
    write_manifest(folder)
    return folder


def test_bundled_models_and_what_can_be_got_are_listed(call: Any, models: Path) -> None:
    ended = call("models")
    assert ended.code == 0
    for told in ("shapes", "motion (6)", "1,684", "30 frames at 20 a second", "videobert get everyday"):
        assert told in ended.said, told
    assert call("models", "--json").json == to_json(list_models())


def test_a_column_without_room_is_named(watch: Any, models: Path) -> None:
    assert 'no room for "where" at this width' in watch(80, "models").out
    assert "no room for" not in watch(9000, "models").out


def test_a_model_that_was_got_is_here(call: Any, everyday: Path) -> None:
    found = call("models", "--json").json
    assert list(found["here"]) == ["shapes", "everyday"]
    assert found["here"]["everyday"]["got"] is True
    assert found["here"]["everyday"]["folder"] == str(everyday)
    assert [each["name"] for each in found["obtainable"]] == ["everyday-best"]
    shown = call("show", "everyday")
    assert shown.code == 0
    assert f"{everyday}, " in shown.out
    assert ", got" in shown.out


def test_a_damaged_one_says_what_mends_it(call: Any, everyday: Path) -> None:
    shutil.rmtree(everyday / "graphs")
    assert "not whole: videobert show everyday" in call("models").said
    assert "Run `videobert get everyday`" in call("show", "everyday").said


def test_one_that_others_could_have_changed_is_a_problem(call: Any, everyday: Path) -> None:
    everyday.chmod(0o777)
    ended = call("models")
    assert ended.code == 0
    assert "problem: everyday: others could have changed this model" in ended.out
    assert list(call("models", "--json").json["here"]) == ["shapes"]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits_the_terminal(width: int, watch: Any, models: Path) -> None:
    whole = set(watch(9000, "models", term="dumb").out.split())
    shown = watch(width, "models", term="dumb").out
    table = "\n".join(line for line in shown.splitlines() if not line.startswith("no room for"))
    assert set(table.split()) <= whole
    for line in shown.splitlines():
        assert len(line) <= width or len(line.split()) <= 2, line
