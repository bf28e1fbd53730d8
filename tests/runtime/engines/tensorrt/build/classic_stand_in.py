"""A module `tensorrt` with the names of a recorded version and no others, that writes down how it is called.

It is copied to `tensorrt/__init__.py` beside the recorded names, so that the builder's own process imports it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_RECORDED = json.loads((Path(__file__).parent / "names.json").read_text())
_CLASSES: dict[str, list[str]] = _RECORDED["classes"]
_CALLS: list[str] = []
__version__ = _RECORDED["version"]


class _Number(int):
    name = "WARNING"


class _Tensor:
    def __init__(self, name: str) -> None:
        self.name = name


class _Layer:
    type = "attention"

    def __init__(self) -> None:
        self.attention = type("Attention", (), {"mask": None, "key_value_lengths": None})()
        if "key_value_lengths" not in _CLASSES["IAttention"]:
            self.attention = type("Attention", (), {"mask": _Tensor("mask")})()

    def get_output(self, index: int) -> _Tensor:
        return _Tensor(f"lengths.{index}")


class _AttentionLayer(_Layer):
    pass


class _Object:
    """An object of a library's class: only recorded members exist, and calls are written down."""

    def __init__(self, kind: str, **known: Any) -> None:
        object.__setattr__(self, "_kind", kind)
        object.__setattr__(self, "_known", known)

    def __getattr__(self, name: str) -> Any:
        if name not in _CLASSES[self._kind]:
            raise AttributeError(f"{self._kind} has no {name}")
        if name in self._known:
            return self._known[name]
        return lambda *arguments: _CALLS.append(f"{self._kind}.{name}{arguments!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _CLASSES[self._kind]:
            raise AttributeError(f"{self._kind} has no {name}")
        _CALLS.append(f"{self._kind}.{name}={value!r}")


class _Names:
    """An enumeration."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name not in _CLASSES[self._kind]:
            raise AttributeError(f"{self._kind} has no {name}")
        return _Number(1) if name != "ATTENTION_INPUT" else "attention"


class ILogger:
    Severity = _Names("ILogger.Severity")


class IProgressMonitor:
    pass


IAttentionInputLayer = _AttentionLayer
NetworkDefinitionCreationFlag = _Names("NetworkDefinitionCreationFlag")
ProfilingVerbosity = _Names("ProfilingVerbosity")
BuilderFlag = _Names("BuilderFlag")
LayerType = _Names("LayerType")
DataType = _Names("DataType")
_INPUTS = ("ids", "segments", "lengths")


def OnnxParser(network: Any, logger: Any) -> Any:
    return _Object("OnnxParser", parse_from_file=lambda path: True, num_errors=0)


def Builder(logger: Any) -> Any:
    layers = [_Layer() for _ in range(3)]
    network = _Object(
        "INetworkDefinition",
        num_layers=len(layers),
        get_layer=layers.__getitem__,
        num_inputs=len(_INPUTS),
        get_input=lambda index: _Tensor(_INPUTS[index]),
        add_cast=lambda tensor, kind: _Layer(),
    )
    config = _Object("IBuilderConfig", add_optimization_profile=lambda profile: 0)
    plan = lambda network, config: json.dumps(_CALLS).encode()  # noqa: E731
    return _Object(
        "Builder",
        create_network=lambda flags: network,
        create_builder_config=lambda: config,
        create_optimization_profile=lambda: _Object("IOptimizationProfile"),
        build_serialized_network=plan,
    )
