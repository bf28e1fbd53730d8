"""What the tensorrt engine makes of a device that fails and of requests that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import DeviceError, InputError, ModelError
from videobert.engines.tensorrt.engine import TensorRtEngine
from videobert.model.folder import ModelFolder

Open = Callable[[], TensorRtEngine]


def test_out_of_memory_gives_back_what_was_made(library: Any, place: Path, open_engine: Open, driver: Any) -> None:
    for passes in (0, 1, 4, 9):
        engine = open_engine()
        driver.fails, driver.passes = "allocate", passes
        with pytest.raises(DeviceError, match="refused a call; got allocate"):
            engine.prepare()
        driver.fails = None
        engine.close()
        assert not driver.buffers


def test_a_shape_that_the_engine_refuses_is_an_error_before_it_runs(
    library: Any, place: Path, open_engine: Open, driver: Any
) -> None:
    engine = open_engine()
    library.refuse_shape = True
    with pytest.raises(ModelError, match="refuses a shape of its own profile"):
        engine.prepare()
    assert not driver.named("execute")


def test_requests_that_fit_no_bucket_reach_no_device(
    library: Any, place: Path, open_engine: Open, driver: Any, folder: ModelFolder, encoder_inputs: Any
) -> None:
    engine = open_engine()
    engine.prepare()
    driver.calls.clear()
    good = encoder_inputs(1, 4)
    long = encoder_inputs(1, folder.config.encoder.positions + 1)
    with pytest.raises(InputError, match="no shape that the encoder was built for"):
        engine.run("encoder", **long)
    with pytest.raises(InputError, match="takes other inputs"):
        engine.run("encoder", ids=good["ids"])
    with pytest.raises(InputError, match="wrong type"):
        engine.run("encoder", **good | {"ids": good["ids"].astype(np.int32)})
    with pytest.raises(InputError, match="different numbers of rows"):
        engine.run("encoder", **good | {"lengths": np.array([1, 2])})
    with pytest.raises(InputError, match="no shape that the text_head"):
        engine.run("text_head", states=np.zeros((2, 3), np.float32))
    assert not driver.calls


def test_a_failed_run_is_an_error_and_the_next_one_works(
    library: Any, place: Path, open_engine: Open, driver: Any, encoder_inputs: Any, expected_states: Any
) -> None:
    engine = open_engine()
    engine.prepare()
    inputs = encoder_inputs(2, 7)
    library.refuse_execution = True
    driver.calls.clear()
    with pytest.raises(DeviceError, match="the engine of encoder could not be run"):
        engine.run("encoder", **inputs)
    # Copies into staging memory that the next request writes must be over.
    assert driver.named()[-1] == "synchronize"
    library.refuse_execution = False
    np.testing.assert_allclose(engine.run("encoder", **inputs)[..., 0], expected_states(inputs), rtol=1e-5)


@pytest.mark.parametrize("call", ["upload", "download", "synchronize"])
def test_a_lost_device_is_a_device_error_every_time(
    call: str, library: Any, place: Path, open_engine: Open, driver: Any, encoder_inputs: Any
) -> None:
    engine = open_engine()
    engine.prepare()
    driver.fails, driver.passes = call, 0
    for _ in range(3):
        with pytest.raises(DeviceError, match=f"got {call}"):
            engine.run("encoder", **encoder_inputs(1, 4))
    driver.fails, driver.passes = "free", 0
    engine.close()
    driver.fails = None


def test_exceptions_of_the_library_are_device_errors(
    library: Any, place: Path, open_engine: Open, encoder_inputs: Any
) -> None:
    engine = open_engine()
    engine.prepare()

    def fail() -> None:
        raise RuntimeError("internal error")

    library.before_execution = fail
    with pytest.raises(DeviceError, match="tensorrt_rtx failed in the encoder; got internal error"):
        engine.run("encoder", **encoder_inputs(1, 4))
