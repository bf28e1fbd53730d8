"""`videobert check`: figures on stdout, talk on stderr, files, and the exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.check import check_folder
from videobert.results.check import ArrayFacts, Check, CheckedStage, Difference, EngineUsed

STATES = np.array([[0.5, -1.5]], np.float32)
RAN = CheckedStage(
    name="encoder",
    ran=True,
    path="ids int64",
    untrained=True,
    outputs=(ArrayFacts.of("encoder.states", STATES),),
    notes=("lengths from a mask",),
)
LEFT = CheckedStage(name="text_head", ran=False, lacks=("states",), reason="lacks states")


def checked(*, agrees: bool | None = None, compared: bool = False) -> Check:
    engines = (EngineUsed(engine="torch", device="CPU", precision="fp32"),)
    apart = Difference(name="encoder.states", max_abs=2e-3, relative=1e-3, allowed=1e-5, agrees=agrees)
    return Check(
        model="tiny",
        weights="0" * 16,
        recipe="1" * 16,
        engines=engines,
        seed=0,
        stages=(RAN, LEFT),
        differences=(apart,) if compared else (),
        agree=agrees,
        notes=("ids goes into a, b",),
        arrays={"encoder.states": STATES},
    )


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the verb answer with a given check, and keeps what it asked for."""
    asked: list[tuple[Any, Any]] = []

    def use(result: Check) -> list[tuple[Any, Any]]:
        def stand_in(*given: Any, **options: Any) -> Check:
            asked.append((given, options))
            return result

        monkeypatch.setattr("videobert.check.folder_check.check_folder", stand_in)
        return asked

    return use


def test_figures_go_to_stdout_and_talk_to_stderr(call: Any, answer: Any, tmp_path: Path) -> None:
    asked = answer(checked())
    ended = call("check", "tiny", "--inputs", "in.npz", "--out", tmp_path / "out.npz", "--engine", "torch")
    assert ended.code == 0
    assert ended.out == "encoder.states\t1 x 2\tfloat32\t-1.5\t0.5\t-0.5\t1.58114\n"
    for said in (
        "ran: torch on CPU, fp32",
        "not run: text_head: lacks states",
        "encoder: ids int64, untrained",
        "lengths from a mask",
        "note: ids goes into a, b",
    ):
        assert said in ended.err
    with np.load(tmp_path / "out.npz", allow_pickle=False) as written:
        assert np.array_equal(written["encoder.states"], STATES)
    ((given, options),) = asked
    assert given == ("tiny", Path("in.npz"))
    assert (options["engine"], options["stage"], options["precision"]) == ("torch", None, "fp32")


def test_engines_that_differ_end_with_1(call: Any, answer: Any) -> None:
    answer(checked(agrees=False, compared=True))
    ended = call("check", "tiny")
    assert ended.code == 1
    assert ended.out.splitlines()[-1] == "encoder.states\tDIFFERS\t0.002\t0.001\t1e-05"
    ended = call("check", "tiny", "--json")
    assert (ended.code, ended.json["agree"]) == (1, False)
    assert ended.json["differences"][0]["max_abs"] == 2e-3
    assert ended.json["stages"][1]["lacks"] == ["states"]
    assert "arrays" not in ended.json
    answer(checked(agrees=True, compared=True))
    assert call("check", "tiny", "--quiet").code == 0


def test_a_place_that_cannot_be_written_is_refused_first(call: Any, answer: Any, tmp_path: Path) -> None:
    asked = answer(checked())
    assert call("check", "tiny", "--out", tmp_path / "none" / "out.npz").code == 2
    assert not asked


def test_what_the_arrays_lack_ends_with_3(call: Any, model_folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "in.npz", ids=np.ones((1, 2), int))
    ended = call("check", model_folder, "--inputs", tmp_path / "in.npz", "--engine", "openvino", "--json")
    assert ended.code == 3
    assert "encoder lacks segments, lengths" in ended.err
    assert check_folder.__module__ == "videobert.check.folder_check"
