"""The real thing: packages as an index has them now, fetched by pip and made into a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from videobert.model.folder import ModelFolder

pytestmark = [pytest.mark.slow, pytest.mark.network]


def videobert(models: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = "from videobert.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", command, *words],
        env={**os.environ, "VIDEOBERT_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_the_best_is_got_and_whole(tmp_path: Path) -> None:
    models = tmp_path / "models"
    done = videobert(models, "get", "everyday", "--quality", "best", "--json")
    if done.returncode == 4 and "index" in done.stderr:
        pytest.skip(f"there is no way to the packages here: {done.stderr.splitlines()[-1][:300]}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["was"] == "absent"
    folder = ModelFolder(models / "everyday-best")
    folder.verify()
    assert folder.recipe.frames == 64
    again = videobert(models, "get", "everyday-best", "--json")
    assert json.loads(again.stdout)["was"] == "whole"
    assert sorted(path.name for path in models.iterdir()) == [".lock", "everyday-best"]
