"""From an ONNX file to a plan, in the builder's own process. Every library call here is in 10.14, 11 and RTX."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from videobert.engines.tensorrt.build.request import BuildRequest, BuildResult
from videobert.engines.tensorrt.flavour import FLAVOURS, Flavour, aim

Say = Callable[[str, int, int], None]


class BuildFailed(Exception):
    """The library refused something; the text says what."""


def build_plan(request: BuildRequest, say: Say) -> tuple[bytes, BuildResult]:
    """The plan.

    Args:
        say: called with a phase of the work, steps done and steps in all.

    Raises:
        BuildFailed: the graph does not parse, or the library gives no plan.
        EngineUnavailable: the library is not installed.
    """
    flavour = FLAVOURS[request.target]
    trt = flavour.load()
    started_s = time.perf_counter()
    logger = _logger(trt)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    say("parse", 0, 1)
    if not parser.parse_from_file(str(request.graph)):
        faults = [parser.get_error(index).desc() for index in range(parser.num_errors)]
        raise BuildFailed("; ".join(faults) or "the graph does not parse")
    attentions, lengths_given = _finish_attention(trt, network, request.lengths)
    config = builder.create_builder_config()
    # Makes the plan name its kernels, which the fusion report counts.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if request.exact:
        config.clear_flag(trt.BuilderFlag.TF32)
    monitor = _monitor(trt, say)
    config.progress_monitor = monitor
    _set_targets(trt, flavour, config, request)
    _set_profiles(builder, network, config, request)
    say("build", 0, 1)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BuildFailed("the builder gave no plan")
    if logger.unused:
        # The plan would run and ignore what the caller passes: TensorRT-RTX 1.7.1 drops lengths that way.
        raise BuildFailed(f"the plan does not use its inputs {', '.join(sorted(logger.unused))}")
    result = BuildResult(
        version=str(trt.__version__),
        attentions=attentions,
        lengths_given=lengths_given,
        build_s=time.perf_counter() - started_s,
    )
    return bytes(plan), result


def _finish_attention(trt: Any, network: Any, lengths_input: str | None) -> tuple[int, int]:
    """Allow the fallback where no fused kernel exists (float32), and connect the key lengths.

    The parser of TensorRT-RTX 1.7.1 accepts `Attention` with `nonpad_kv_seqlen` and drops that input without a word;
    its builder then makes a plan that attends to padding. The network's own attention takes lengths, as int32.
    """
    layers = [network.get_layer(index) for index in range(network.num_layers)]
    attentions = [layer for layer in layers if layer.type == trt.LayerType.ATTENTION_INPUT]
    lengths = None
    given = 0
    for attention_input in attentions:
        attention_input.__class__ = trt.IAttentionInputLayer
        attention = attention_input.attention
        attention.decomposable = True
        if lengths_input is None or attention.mask is not None or attention.key_value_lengths is not None:
            continue
        if lengths is None:
            lengths = network.add_cast(_input(network, lengths_input), trt.DataType.INT32).get_output(0)
        attention.key_value_lengths = lengths
        given += 1
    return len(attentions), given


def _input(network: Any, name: str) -> Any:
    for index in range(network.num_inputs):
        if network.get_input(index).name == name:
            return network.get_input(index)
    raise BuildFailed(f"the graph has no input {name!r}")


def _set_targets(trt: Any, flavour: Flavour, config: Any, request: BuildRequest) -> None:
    if not flavour.lists_targets:
        return
    try:
        aim(trt, config, request.targets)
    except ValueError as error:
        raise BuildFailed(str(error)) from error


def _set_profiles(builder: Any, network: Any, config: Any, request: BuildRequest) -> None:
    names = {network.get_input(index).name for index in range(network.num_inputs)}
    for wanted in request.profiles:
        if names != set(wanted.inputs):
            raise BuildFailed(f"the graph's inputs are {sorted(names)}, the profile has {sorted(wanted.inputs)}")
        profile = builder.create_optimization_profile()
        for name, shapes in wanted.inputs.items():
            profile.set_shape(name, *shapes)
        if config.add_optimization_profile(profile) < 0:
            raise BuildFailed("the builder refused the shapes of a profile")


def _logger(trt: Any) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]
        """Writes to stderr, where the parent keeps it, and remembers inputs that the plan will ignore."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.unused: set[str] = set()

        def log(self, severity: Any, text: str) -> None:
            if int(severity) <= int(trt.ILogger.Severity.WARNING):
                _write(f"{severity.name.lower()}: {text}")
            if text.startswith("Unused Input: "):
                self.unused.add(text.removeprefix("Unused Input: ").strip())

    return Logger()


def _monitor(trt: Any, say: Say) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Passes the builder's own phases on."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._steps[phase_name] = num_steps
            say(phase_name, 0, num_steps)

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

        def step_complete(self, phase_name: str, step: int) -> bool:
            say(phase_name, step + 1, self._steps.get(phase_name, step + 1))
            return True

    return Monitor()


def _write(text: str) -> None:
    import sys

    print(text, file=sys.stderr, flush=True)
