"""The OpenVINO engine: settings, cache, repeatable results."""

from __future__ import annotations

import gc
import json
import os
import shutil
import stat
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import EngineUnavailable, InputError, MismatchError, ModelError
from videobert.engines import openvino_engine
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine, _CompiledStage
from videobert.families.batches import batches
from videobert.model.folder import ModelFolder


@pytest.fixture(scope="module")
def folder(model_folder: Path) -> ModelFolder:
    return ModelFolder(model_folder)


def options(cache_dir: Path, **changes: Any) -> EngineOptions:
    return EngineOptions(**({"cache_dir": cache_dir, "precision": "fp32"} | changes))


def clips(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 1, 15, 48, 48, 3), dtype=np.uint8)


def test_every_stage_has_the_shape_that_the_protocol_says(folder: ModelFolder, cache_dir: Path) -> None:
    engine = OpenVinoEngine(folder, options(cache_dir))
    assert isinstance(engine, Engine)
    ids = np.array([[2, 5, 3, 0], [2, 192, 130, 3]], np.int64)
    lengths = np.array([3, 4], np.int64)
    states = engine.run("encoder", ids=ids, segments=np.zeros_like(ids), lengths=lengths)
    assert states.shape == (2, 4, 64)
    assert engine.run("backbone", clips=clips(1)[0]).shape == (1, 32)
    rows = np.ascontiguousarray(states[:, 0])
    assert engine.run("text_head", states=rows).shape == (2, 128)
    assert engine.run("visual_head", states=rows).shape == (2, 64)
    assert engine.run("alignment_head", states=rows).shape == (2,)
    engine.close()
    with pytest.raises(InputError, match="closed"):
        engine.run("backbone", clips=clips(1)[0])


def test_padding_does_not_reach_the_states(folder: ModelFolder, cache_dir: Path) -> None:
    engine = OpenVinoEngine(folder, options(cache_dir))
    short = np.array([[2, 5, 3]], np.int64)
    alone = engine.run("encoder", ids=short, segments=np.zeros_like(short), lengths=np.array([3]))
    results = []
    for filler in (0, 77):
        ids = np.full((2, 9), filler, np.int64)
        ids[0, :3] = short
        results.append(engine.run("encoder", ids=ids, segments=np.zeros_like(ids), lengths=np.array([3, 9]))[0, :3])
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(results[0], alone[0], atol=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_states_are_the_same_in_any_company(precision: str, cache_dir: Path) -> None:
    folder = ModelFolder("shapes")
    engine = OpenVinoEngine(folder, options(cache_dir, precision=precision))
    draw = np.random.default_rng(0)
    sequences = [draw.integers(5, 150, length) for length in [*range(4, 64), *draw.integers(4, 64, 30)]]

    def states(rows: list[int]) -> list[np.ndarray]:
        lengths = np.array([len(sequences[row]) for row in rows], np.int64)
        ids = np.zeros((len(rows), lengths.max()), np.int64)
        for place, row in enumerate(rows):
            ids[place, : lengths[place]] = sequences[row]
        found = engine.run("encoder", ids=ids, segments=np.zeros_like(ids), lengths=lengths)
        return [each[:length] for each, length in zip(found, lengths, strict=True)]

    alone = [states([row])[0] for row in range(len(sequences))]
    for _ in range(12):
        some = [int(row) for row in draw.choice(len(sequences), draw.integers(2, 30), replace=False)]
        for call in batches([len(sequences[row]) for row in some]):
            for place, found in zip(call, states([some[place] for place in call]), strict=True):
                np.testing.assert_array_equal(found, alone[some[place]])
    engine.close()


def test_memory_does_not_grow_with_every_shape(cache_dir: Path) -> None:
    engine = OpenVinoEngine(ModelFolder("shapes"), options(cache_dir))

    def after(rows: range) -> int:
        """Bytes in memory after sequences of twenty lengths in so many rows."""
        for batch in rows:
            for length in range(4, 24):
                ids = np.ones((batch, length), np.int64)
                engine.run("encoder", ids=ids, segments=np.zeros_like(ids), lengths=np.full(batch, length))
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    # What is kept of 300 shapes fills it. Without a bound the next 120 take 180 MB.
    before = after(range(1, 16))
    assert after(range(16, 22)) - before < 60e6
    engine.close()


def test_threads_streams_and_repetition_do_not_change_a_feature(folder: ModelFolder, cache_dir: Path) -> None:
    inputs = clips(6)
    engines = [
        OpenVinoEngine(folder, options(cache_dir)),
        OpenVinoEngine(folder, options(cache_dir, hint="throughput")),
        OpenVinoEngine(folder, options(cache_dir, threads=1)),
    ]
    first = [engines[0].run("backbone", clips=clip) for clip in inputs]
    for engine in engines:
        again = [engine.run("backbone", clips=clip) for clip in inputs[::-1]][::-1]
        np.testing.assert_array_equal(np.stack(again), np.stack(first))


def test_many_threads_get_their_own_answers(folder: ModelFolder, cache_dir: Path) -> None:
    engine = OpenVinoEngine(folder, options(cache_dir))
    inputs = clips(4)
    wanted = [engine.run("backbone", clips=clip) for clip in inputs]
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(6):
            index = (number + turn) % len(inputs)
            if not np.array_equal(engine.run("backbone", clips=inputs[index]), wanted[index]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


def test_a_request_that_cannot_be_created_leaves_its_place_to_the_next_caller() -> None:
    class Request:
        def infer(self, inputs: dict[str, Any], **_: bool) -> list[np.ndarray]:
            return [inputs["x"] + 1]

    class Compiled:
        fails = 2

        def create_infer_request(self) -> Request:
            self.fails -= 1
            if self.fails >= 0:
                raise RuntimeError("out of memory")
            return Request()

    stage = openvino_engine._CompiledStage(Compiled(), {"y": 0}, 1)
    answers: list[object] = []

    def call() -> None:
        try:
            answers.append(stage.run({"x": np.zeros(1)})["y"][0])
        except EngineUnavailable as error:
            answers.append(str(error))

    threads = [threading.Thread(target=call, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 4
    assert answers.count(1.0) == 2
    assert sum("no room for another request; got out of memory" in str(answer) for answer in answers) == 2


def test_a_stage_that_the_model_lacks_is_a_model_error(model_folder: Path, tmp_path: Path, cache_dir: Path) -> None:
    copy = Path(shutil.copytree(model_folder, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"]["graphs/alignment_head.onnx"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    engine = OpenVinoEngine(ModelFolder(copy), options(cache_dir))
    engine.prepare()
    with pytest.raises(ModelError, match="no alignment_head"):
        engine.run("alignment_head", states=np.zeros((1, 64), np.float32))


def test_a_graph_that_refuses_its_inputs_is_a_model_error(folder: ModelFolder, cache_dir: Path) -> None:
    engine = OpenVinoEngine(folder, options(cache_dir))
    with pytest.raises(ModelError, match=r"text_head\.onnx cannot be run"):
        engine.run("text_head", states=np.zeros((1, 65), np.float32))


def test_a_graph_that_was_changed_is_refused_and_one_that_is_no_graph_too(model_folder: Path, tmp_path: Path) -> None:
    import hashlib

    copy = Path(shutil.copytree(model_folder, tmp_path / "copy"))
    graph = copy / "graphs" / "text_head.onnx"
    graph.write_bytes(b"not a graph")
    with pytest.raises(MismatchError, match="text_head"):
        OpenVinoEngine(ModelFolder(copy), options(tmp_path / "cache")).prepare()
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["graphs/text_head.onnx"] = hashlib.sha256(b"not a graph").hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="cannot be compiled"):
        OpenVinoEngine(ModelFolder(copy), options(tmp_path / "cache")).prepare()


class TestCache:
    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Names of the graphs that were read to be compiled."""
        seen: list[str] = []
        read = ModelFolder.read

        def recorded(self: ModelFolder, name: str) -> bytes:
            seen.append(name)
            return read(self, name)

        monkeypatch.setattr(ModelFolder, "read", recorded)
        return seen

    def head(self, folder: ModelFolder, cache: Path, **changes: Any) -> np.ndarray:
        states = np.linspace(-1, 1, 64, dtype=np.float32)[None]
        return OpenVinoEngine(folder, options(cache, **changes)).run("text_head", states=states)

    def test_a_graph_is_compiled_once(self, folder: ModelFolder, tmp_path: Path, reads: list[str]) -> None:
        cache = tmp_path / "new" / "cache"
        first = self.head(folder, cache)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o700
        np.testing.assert_array_equal(self.head(folder, cache), first)
        assert reads == ["graphs/text_head.onnx"]
        self.head(folder, cache, threads=1)
        assert len(reads) == 2

    def test_a_damaged_entry_is_compiled_again(self, folder: ModelFolder, tmp_path: Path, reads: list[str]) -> None:
        first = self.head(folder, tmp_path / "cache")
        (entry,) = (tmp_path / "cache").iterdir()
        whole = entry.read_bytes()
        for content in (b"", whole[:100], whole[:-1] + b"!", whole[:50] + b"x" * 100):
            entry.write_bytes(content)
            np.testing.assert_array_equal(self.head(folder, tmp_path / "cache"), first)
        assert len(reads) == 5
        np.testing.assert_array_equal(self.head(folder, tmp_path / "cache"), first)
        assert len(reads) == 5

    def test_an_entry_that_others_could_write_is_not_used(
        self, folder: ModelFolder, tmp_path: Path, reads: list[str]
    ) -> None:
        self.head(folder, tmp_path / "cache")
        (entry,) = (tmp_path / "cache").iterdir()
        entry.chmod(0o666)
        self.head(folder, tmp_path / "cache")
        moved = tmp_path / "moved"
        entry.rename(moved)
        entry.symlink_to(moved)
        self.head(folder, tmp_path / "cache")
        assert len(reads) == 3

    def test_a_folder_that_others_could_write_is_refused(self, folder: ModelFolder, tmp_path: Path) -> None:
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        (tmp_path / "file").write_text("")
        for wrong in ("open", "file", "file/below"):
            with pytest.raises(InputError, match="cache folder"):
                OpenVinoEngine(folder, options(tmp_path / wrong))

    def test_no_usable_default_means_no_cache(
        self, folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert OpenVinoEngine(folder, EngineOptions(precision="fp32")).run(
            "alignment_head", states=np.zeros((1, 64), np.float32)
        ).shape == (1,)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
        OpenVinoEngine(folder, EngineOptions(precision="fp32")).prepare()
        assert len(os.listdir(tmp_path / "xdg" / "videobert")) == 5


class TestPrecision:
    @pytest.mark.parametrize(
        ("features", "wanted"),
        [({"amx_bf16": True}, "bf16"), ({"avx512_bf16": True}, "bf16"), ({"avx512f": True, "avx2": True}, "fp32")],
    )
    def test_auto_is_bf16_where_the_cpu_multiplies_it(
        self,
        folder: ModelFolder,
        cache_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        features: dict[str, bool],
        wanted: str,
    ) -> None:
        monkeypatch.setattr(openvino_engine, "cpu_features", lambda: features)
        assert OpenVinoEngine(folder, options(cache_dir, precision="auto")).precision == wanted

    def test_bf16_that_the_cpu_lacks_is_an_error(
        self, folder: ModelFolder, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx2": True})
        with pytest.raises(EngineUnavailable, match="no bf16"):
            OpenVinoEngine(folder, options(cache_dir, precision="bf16"))

    def test_bf16_is_close_to_f32(self, folder: ModelFolder, cache_dir: Path) -> None:
        features = openvino_engine.cpu_features()
        if not (features.get("amx_bf16") or features.get("avx512_bf16")):
            pytest.skip("this CPU has no bf16 arithmetic")
        exact, rounded = (OpenVinoEngine(folder, options(cache_dir, precision=p)) for p in ("fp32", "bf16"))
        for clip in clips(4):
            a, b = exact.run("backbone", clips=clip)[0], rounded.run("backbone", clips=clip)[0]
            assert not np.array_equal(a, b)
            assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.995


class Counting:
    """A compiled graph whose requests take a moment, and how many of all graphs worked at once."""

    at_once = most = 0
    counting = threading.Lock()

    def create_infer_request(self) -> Counting:
        return self

    def infer(self, inputs: Any, **shared: Any) -> list[Any]:
        with Counting.counting:
            Counting.at_once += 1
            Counting.most = max(Counting.most, Counting.at_once)
        time.sleep(0.05)
        with Counting.counting:
            Counting.at_once -= 1
        return [np.zeros(1)]


def test_the_first_calls_of_stages_come_one_by_one() -> None:
    """Two threads inside the bindings' first call wait for each other for ever; later ones may work at once."""
    stages = [_CompiledStage(Counting(), {"y": 0}, 2) for _ in range(4)]

    def all_at_once() -> int:
        Counting.most = 0
        threads = [threading.Thread(target=stage.run, args=({},)) for stage in stages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Counting.most

    assert all_at_once() == 1
    assert all_at_once() > 1


@pytest.mark.parametrize(
    ("large", "threads", "pinned"),
    [(0, None, False), (0, 1, True), (1 << 30, None, True)],
    ids=["large", "few", "small"],
)
def test_threads_of_large_clips_are_not_pinned_beside_a_decoder(
    folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int, threads: int | None, pinned: bool
) -> None:
    monkeypatch.setattr(openvino_engine, "_LARGE_CLIP_BYTES", large)
    engine = OpenVinoEngine(folder, options(tmp_path / "cache", threads=threads))
    engine.prepare()
    said = {stage: each._compiled.get_property("ENABLE_CPU_PINNING") for (stage, _), each in engine._stages.items()}
    assert said["backbone"] == pinned
    assert said["encoder"], "no decoder works beside other stages"
    engine.close()


def test_what_was_compiled_is_read_in_place_and_outlives_its_file(folder: ModelFolder, tmp_path: Path) -> None:
    first = OpenVinoEngine(folder, options(tmp_path / "cache"))
    first.prepare()
    wanted = first.run("backbone", clips=clips(1)[0])
    first.close()
    second = OpenVinoEngine(folder, options(tmp_path / "cache"))
    second.prepare()
    assert all(stage._kept is not None for stage in second._stages.values())
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    gc.collect()
    ids = np.array([[2, 5, 3]], np.int64)
    for _ in range(2):
        np.testing.assert_array_equal(second.run("backbone", clips=clips(1)[0]), wanted)
        states = second.run("encoder", ids=ids, segments=np.zeros_like(ids), lengths=np.array([3], np.int64))
        assert np.isfinite(states).all()
    second.close()
