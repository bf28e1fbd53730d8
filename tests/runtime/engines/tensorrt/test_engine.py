"""The tensorrt engine's own logic, on a fake library with the real one's names; no plan is run anywhere."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.engines.base import AssignsTokens, Engine
from videobert.engines.tensorrt.engine import TensorRtEngine
from videobert.model.folder import ModelFolder

Open = Callable[[], TensorRtEngine]


def clip(folder: ModelFolder, seed: int = 0) -> np.ndarray:
    recipe = folder.recipe
    shape = (1, recipe.frames, recipe.crop, recipe.crop, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_it_is_an_engine_and_says_what_it_runs_on(library: Any, place: Path, open_engine: Open) -> None:
    engine = open_engine()
    assert isinstance(engine, Engine)
    assert isinstance(engine, AssignsTokens)
    assert (engine.name, engine.device, engine.precision) == ("tensorrt", "Fake RTX", "fp16")
    assert (engine.backend, engine.graphs, engine.fallback) == ("fake", "library", None)


def test_every_stage_answers_for_any_number_of_rows(
    library: Any, place: Path, open_engine: Open, folder: ModelFolder
) -> None:
    engine, width = open_engine(), folder.config.encoder.width
    pixels = clip(folder)
    feature = engine.run("backbone", clips=pixels)
    assert feature.shape == (1, folder.config.backbone.feature_dim)
    np.testing.assert_allclose(feature, pixels.mean(), rtol=1e-6)
    for rows in (0, 1, 2, 5, 64, 65, 200):
        states = np.random.default_rng(rows).normal(size=(rows, width)).astype(np.float32)
        logits = engine.run("text_head", states=states)
        assert logits.shape == (rows, folder.config.words)
        assert engine.run("alignment_head", states=states).shape == (rows,)
        np.testing.assert_allclose(logits[:, 0], states.sum(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 64), (2, 65), (8, 128), (9, 3), (32, 40)])
def test_padding_to_a_bucket_is_not_seen(
    rows: int,
    length: int,
    library: Any,
    place: Path,
    open_engine: Open,
    folder: ModelFolder,
    encoder_inputs: Any,
    expected_states: Any,
) -> None:
    engine = open_engine()
    length = min(length, folder.config.encoder.positions)
    for seed in range(3):
        inputs = encoder_inputs(rows, length, seed)
        states = engine.run("encoder", **inputs)
        assert states.shape == (rows, length, folder.config.encoder.width)
        np.testing.assert_allclose(states[..., 0], expected_states(inputs), rtol=1e-5)


@pytest.mark.parametrize("rtx", [True, False])
@pytest.mark.parametrize("captures", [True, False])
def test_a_request_is_copies_one_launch_and_one_wait(
    rtx: bool,
    captures: bool,
    make_library: Any,
    engines: Any,
    open_engine: Open,
    driver: Any,
    folder: ModelFolder,
    encoder_inputs: Any,
) -> None:
    library = make_library(rtx=rtx)
    engines(rtx=rtx)
    driver.captures = captures
    engine = open_engine()
    engine.prepare()
    assert bool(driver.named("capture")) == (captures and not rtx)
    assert engine.graphs == ("library" if rtx else "captured" if captures else "none")
    inputs = encoder_inputs(2, 9)
    for _ in range(2):
        driver.calls.clear()
        library.calls.clear()
        engine.run("encoder", **inputs)
        launch = ["graph", "execute"] if captures and not rtx else ["execute"]
        assert driver.named() == ["upload"] * 3 + launch + ["download", "synchronize"]
        # Shapes and addresses were set once and for all.
        assert library.calls == ["execute encoder"]
    driver.calls.clear()
    engine.run("backbone", clips=clip(folder))
    assert driver.named("upload", "download", "synchronize", "allocate", "pinned") == [
        "upload",
        "download",
        "synchronize",
    ]


def test_an_array_on_the_device_is_not_brought_to_the_host(
    library: Any, place: Path, open_engine: Open, driver: Any, folder: ModelFolder, view: Any
) -> None:
    engine = open_engine()
    pixels = clip(folder)
    there = view(pixels[0])
    engine.prepare()
    driver.calls.clear()
    np.testing.assert_array_equal(engine.run("backbone", clips=there), engine.run("backbone", clips=pixels))
    assert driver.named()[:4] == ["copy", "execute", "download", "synchronize"]
    with pytest.raises(InputError, match="no shape that the backbone was built for"):
        engine.run("backbone", clips=view(pixels[0, :-1].copy()))
    with pytest.raises(InputError, match="wrong type"):
        engine.run("backbone", clips=view(pixels[0].astype(np.int8)))


def test_the_library_is_told_to_share_scratch_memory_and_to_capture(
    library: Any, place: Path, open_engine: Open, real: Any, driver: Any, folder: ModelFolder
) -> None:
    open_engine().prepare()
    assert len(library.configs) == len(library.deserialised) == 3 + len(folder.config.heads)
    for config in library.configs:
        config.set_execution_context_allocation_strategy.assert_called_once_with(
            real.ExecutionContextAllocationStrategy.USER_MANAGED
        )
        assert config.cuda_graph_strategy == real.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        assert (
            config.dynamic_shapes_kernel_specialization_strategy == real.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        config.set_runtime_cache.assert_called_once()


def test_what_was_compiled_is_kept_for_the_next_start(
    library: Any, place: Path, open_engine: Open, tmp_path: Path
) -> None:
    open_engine().prepare()
    kept = {path: path.read_bytes() for path in (tmp_path / "compiled").glob("*.compiled")}
    assert len(kept) == len(library.caches)
    assert not any(cache.deserialize.called for cache in library.caches)
    library.caches.clear()
    open_engine().prepare()
    for cache in library.caches:
        cache.deserialize.assert_called_once_with(b"compiled")
    # An entry that others could have written is not believed, and one that is damaged is written anew.
    for path in kept:
        path.write_bytes(b"VBCACHE\x01" + bytes(40))
    library.caches.clear()
    open_engine().prepare()
    assert not any(cache.deserialize.called for cache in library.caches)
    assert {path: path.read_bytes() for path in kept} == kept


def test_nothing_grows_over_a_thousand_requests(
    library: Any,
    place: Path,
    open_engine: Open,
    driver: Any,
    folder: ModelFolder,
    encoder_inputs: Any,
) -> None:
    engine = open_engine()
    engine.prepare()
    before = len(driver.buffers)
    driver.remember = False
    pixels = clip(folder)
    sizes = []
    tracemalloc.start()
    try:
        for count in range(1000):
            engine.run("backbone", clips=pixels)
            engine.run("encoder", **encoder_inputs(1 + count % 9, 1 + count % 40))
            engine.run("text_head", states=np.ones((1 + count % 70, folder.config.encoder.width), np.float32))
            if count in (99, 999):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(driver.buffers) == before
    assert sizes[1] - sizes[0] < 64 << 10, sizes


def test_threads_take_turns(
    library: Any,
    place: Path,
    open_engine: Open,
    folder: ModelFolder,
    encoder_inputs: Any,
    expected_states: Any,
) -> None:
    engine = open_engine()
    engine.prepare()
    inside, most, failures = 0, 0, []

    def enter() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.0005)
        inside -= 1

    library.before_execution = enter

    def work(seed: int) -> None:
        for turn in range(8):
            inputs = encoder_inputs(1 + seed % 3, 5 + seed, seed * 100 + turn)
            if not np.allclose(engine.run("encoder", **inputs)[..., 0], expected_states(inputs), rtol=1e-5):
                failures.append((seed, turn))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert most == 1


def test_a_closed_engine_has_given_everything_back(
    library: Any, place: Path, open_engine: Open, driver: Any, folder: ModelFolder
) -> None:
    engine = open_engine()
    engine.prepare()
    engine.close()
    engine.close()
    assert not driver.buffers
    # A driver that was lent is not closed.
    assert not driver.closed
    with pytest.raises(InputError, match="closed"):
        engine.run("backbone", clips=clip(folder))


def test_tokens_are_exact_and_found_on_the_device(
    library: Any, place: Path, open_engine: Open, driver: Any, folder: ModelFolder
) -> None:
    from videobert.visual.codebook import Codebook

    codebook = Codebook.load(folder.verified_path("codebook.safetensors"))
    engine = open_engine()
    engine.prepare()
    assign = engine.assigner(codebook)
    assert engine.tokenisation == "engine"
    generator = np.random.default_rng(1)
    near = codebook.leaves[generator.integers(0, len(codebook.leaves), 100)]
    features = (near + generator.normal(size=near.shape) * 0.01 * near.std()).astype(np.float32)
    driver.calls.clear()
    for found, wanted in zip(assign(features), codebook.assign(features), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert driver.named("execute") == ["execute"] * 2
    with pytest.raises(InputError, match="not finite"):
        assign(np.full((1, codebook.dim), np.nan, np.float32))
