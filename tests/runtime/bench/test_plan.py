"""The setting that fits: which is chosen, why the others are left, and what is told where none fits."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.small_model import frames_of, mp4

import videobert
from videobert.base.errors import DeviceError, UsageError
from videobert.bench import plan as plan_module
from videobert.bench import plan_child, plan_settings
from videobert.model.folder import find
from videobert.results.plan import Plan, PlanCandidate


def figures(latency_s: float, memory: float, speed: float, said: str = "red") -> dict[str, Any]:
    segment = {"start_s": 0.0, "end_s": 3.0, "answers": {"colour": [{"text": said}]}, "tokens": []}
    return {
        "latencies_s": [latency_s] * 5,
        "answer_s": 3.0 / speed,
        "video_s": 3.0,
        "batch": 1,
        "peak_memory_bytes": int(memory * 1e6),
        "segments": [segment],
    }


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int | None, str, int], Any]:
    """What each setting takes, by precision, threads, hint and stride; two processors."""
    known: dict[tuple[str, int | None, str, int], Any] = {}

    def run(self: Any, setting: PlanCandidate) -> dict[str, Any]:
        found = known.get((setting.precision, setting.threads, setting.hint, setting.stride))
        if found is None:
            raise DeviceError("this CPU has none of it")
        return dict(found)

    monkeypatch.setattr(plan_module._Measuring, "_run", run)
    monkeypatch.setattr(plan_settings, "thread_limit", lambda: None)
    monkeypatch.setattr(plan_settings, "most_decoder_threads", lambda threads: 1)
    return known


CLIP = find("shapes") / "clip.mp4"


def planned(**asked: Any) -> Plan:
    return videobert.plan("shapes", CLIP, engines=["openvino"], **{"precisions": ["bf16", "fp32"], **asked})


def test_the_least_loss_is_chosen_and_of_the_same_the_fastest(machine: Any) -> None:
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 4)
    machine["fp32", 1, "latency", 1] = figures(0.09, 390, 3)
    machine["bf16", None, "latency", 1] = figures(0.04, 380, 9, said="blue")
    machine["bf16", 1, "latency", 1] = figures(0.05, 300, 6)
    found = planned(latency_ms=100, least_agreement=0.0)
    assert (found.chosen.precision, found.chosen.threads) == ("bf16", 1)
    assert found.loss == 0.0
    by = {(each.precision, each.threads, each.hint): each for each in found.candidates}
    assert "slower" in str(by["fp32", None, "latency"].why)
    assert "agrees in 0.0%" in str(by["bf16", None, "latency"].why)
    assert by["fp32", None, "throughput"].why == "this CPU has none of it"
    assert found.chosen.why is None
    assert shlex.split(found.command)[:4] == ["videobert", "run", str(CLIP), "--model"]
    assert "precision='bf16'" in found.python
    assert found.reference.startswith("openvino in fp32")


@pytest.mark.parametrize(
    ("asked", "broken", "limits"),
    [
        ({"latency_ms": 50}, "latency 80 ms, above 50 ms", "latency up to 50 ms, 1 x real time or more, "),
        ({"memory_mb": 300}, "memory 400 MB, above 300 MB", "memory up to 300 MB, 1 x real time or more, "),
        ({"real_time": 10}, "4 x real time, below 10", "10 x real time or more, "),
    ],
)
def test_where_nothing_fits_the_nearest_is_told(
    machine: Any, asked: dict[str, float], broken: str, limits: str
) -> None:
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 4)
    machine["fp32", 1, "latency", 1] = figures(0.8, 4000, 0.4)
    with pytest.raises(DeviceError) as caught:
        planned(**asked)
    assert broken in str(caught.value.seen)
    assert "openvino in fp32, latency, stride 1" in str(caught.value.seen)
    assert caught.value.allowed == limits + "agreement of 99.0% or more"


def test_why_a_setting_cannot_run_is_told_as_a_command_line_says_it(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Any, setting: PlanCandidate) -> Any:
        raise DeviceError("no bf16 here", fix='Use precision="auto".', fix_cli="Use --precision auto.")

    monkeypatch.setattr(plan_module._Measuring, "_run", refused)
    with pytest.raises(DeviceError, match="no setting of this model") as caught:
        planned()
    assert caught.value.seen == "no bf16 here. Use --precision auto"


def test_what_disagrees_is_left(machine: Any) -> None:
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 4)
    machine["bf16", None, "latency", 1] = figures(0.04, 400, 9, said="blue")
    found = planned()
    assert found.chosen.precision == "fp32"
    assert any("agreement 0.0%, below 99.0%" in str(each.why) for each in found.candidates)


def test_a_larger_stride_is_for_what_does_not_keep_up(machine: Any) -> None:
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 0.6)
    machine["fp32", None, "latency", 2] = figures(0.08, 400, 1.2)
    machine["fp32", None, "latency", 3] = figures(0.08, 400, 1.8, said="blue")
    found = planned()
    assert found.chosen.stride == 2
    assert "--stride 2" in found.command


@pytest.fixture
def decoding(machine: Any, monkeypatch: pytest.MonkeyPatch) -> dict[int | None, float]:
    """Times real time by threads that decode; eight processors."""
    speeds: dict[int | None, float] = {None: 10.0, 4: 10.0, 2: 10.0, 1: 10.0}
    run = plan_module._Measuring._run

    def by_decoding(self: Any, setting: PlanCandidate) -> dict[str, Any]:
        if setting.hint != "latency" or setting.threads or setting.precision != "fp32":
            return run(self, setting)
        return figures(0.08, 400, speeds[setting.decoder_threads])

    monkeypatch.setattr(plan_module._Measuring, "_run", by_decoding)
    monkeypatch.setattr(plan_settings, "most_decoder_threads", lambda threads: 8)
    return speeds


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [({}, None), ({2: 11.0}, 2), ({4: 11.0, 1: 12.0}, 1), ({4: 10.4}, None), ({1: 3.0}, None)],
    ids=str,
)
def test_fewer_threads_decode_where_that_is_clearly_faster(
    speeds: dict[int, float], expected: int | None, decoding: dict[int | None, float]
) -> None:
    decoding.update(speeds)
    found = planned(precisions=["fp32"])
    assert found.chosen.decoder_threads == expected
    assert ("decoder_threads" in found.python, "--decoder-threads" in found.command) == (bool(expected),) * 2
    assert [each.decoder_threads for each in found.candidates] == [None, None, None, 4, 2, 1]
    assert all(each is found.chosen or each.why for each in found.candidates)


def test_what_is_hardly_faster_says_so(decoding: dict[int | None, float]) -> None:
    decoding[4] = 10.4
    by = {each.decoder_threads: each for each in planned(precisions=["fp32"]).candidates if each.fits}
    assert by[4].why == "fits, but is hardly faster: 10.4 x real time"
    assert by[1].why == "fits, but is slower: 10 x real time"


def test_fewer_threads_that_break_a_limit_are_not_chosen(
    decoding: dict[int | None, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding[2] = 20.0
    run = plan_module._Measuring._run

    def later(self: Any, setting: PlanCandidate) -> dict[str, Any]:
        found = run(self, setting)
        return found if setting.decoder_threads is None else found | {"latencies_s": [9.0] * 5}

    monkeypatch.setattr(plan_module._Measuring, "_run", later)
    assert planned(precisions=["fp32"], latency_ms=100).chosen.decoder_threads is None


@pytest.mark.parametrize("limited", ["threads", "cuda"])
def test_fewer_are_not_tried_where_the_number_is_given(limited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_settings, "most_decoder_threads", lambda threads: 8)
    chosen = PlanCandidate(
        engine="torch", precision="fp32", threads=1 if limited == "threads" else None, hint="latency", stride=1
    )
    assert not list(plan_settings.fewer_decoding(chosen, "cuda" if limited == "cuda" else "cpu"))


def test_fewer_are_fewer_than_a_limit_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_settings, "thread_limit", lambda: 5)
    chosen = PlanCandidate(engine="openvino", precision="fp32", threads=None, hint="latency", stride=1)
    assert [each.decoder_threads for each in plan_settings.fewer_decoding(chosen, "auto")] == [2, 1]


def test_what_is_tried_is_what_is_printed(machine: Any) -> None:
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 4)
    found = planned()
    assert "threads" not in found.command + found.python
    machine["fp32", 1, "latency", 1] = figures(0.08, 400, 5)
    found = planned()
    assert "--threads 1" in found.command
    assert "threads=1" in found.python


def test_what_cannot_be_loaded_is_tried_once(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    machine["fp32", None, "latency", 1] = figures(0.08, 400, 4)
    run = plan_module._Measuring._run

    def counted(self: Any, setting: PlanCandidate) -> dict[str, Any]:
        tried.append(setting.precision)
        return run(self, setting)

    monkeypatch.setattr(plan_module._Measuring, "_run", counted)
    found = planned()
    assert tried.count("bf16") == 1
    assert [each.why for each in found.candidates if each.precision == "bf16"] == ["this CPU has none of it"] * 3


def test_nothing_that_runs_is_an_error(machine: Any) -> None:
    with pytest.raises(DeviceError, match="no setting of this model can run here") as caught:
        planned()
    assert "none of it" in str(caught.value.seen)


@pytest.mark.parametrize(
    "asked",
    [
        {"latency_ms": 0},
        {"memory_mb": -1},
        {"least_agreement": 1.5},
        {"real_time": -1},
        {"runs": 1},
        {"device": "tpu"},
        {"precisions": ["fp31"]},
        {"latency_ms": True},
    ],
)
def test_a_limit_that_is_none_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        planned(**asked)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planned") / "film.mp4"
    path.write_bytes(mp4(frames_of(4.5, seed=2)))
    return path


def test_a_real_process_is_measured(
    model_folder: Path, cache_dir: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_settings, "thread_limit", lambda: 1)
    monkeypatch.setattr(plan_settings, "most_decoder_threads", lambda threads: 1)
    found = videobert.plan(
        model_folder,
        film,
        engines=["openvino"],
        precisions=["fp32"],
        real_time=0,
        runs=5,
        cache_dir=cache_dir,
        latency_ms=1e6,
    )
    (only,) = found.candidates
    assert only is found.chosen
    assert only.latency is not None
    assert only.latency.count == 5
    assert 20e6 < (only.peak_memory_bytes or 0) < 4e9
    assert only.batch == 1
    assert found.loss == 0.0


def test_a_process_that_fails_says_why(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"model": str(tmp_path / "none"), "options": {}, "video": "x.mp4", "stride": 1, "runs": 5}
    monkeypatch.setattr(plan_child.sys, "argv", ["plan_child", json.dumps(asked)])
    plan_child.main()
    assert "there is no such model" in json.loads(capsys.readouterr().out)["error"]
