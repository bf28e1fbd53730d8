"""What an engine was asked, and what it answered, so that another one can be asked the same."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from videobert.engines.base import Engine
from videobert.model.stage import Stage

Array = npt.NDArray[Any]
# Whole calls that are kept of each stage, and how large they may be together.
_CALLS: Final = 3
_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a stage: what went in and what came out, by name."""

    inputs: dict[str, Array]
    outputs: dict[str, Array]


class RecordedCalls:
    """What an engine was asked. Thread-safe.

    Args:
        single: the stages whose every output is kept, by what went in: those of clips.

    Attributes:
        calls: the first calls of each stage, as far as there is room for them.
        singles: of each of the stages `single`, the output by the digest of the input.
    """

    def __init__(self, single: frozenset[Stage]) -> None:
        self._single = single
        self._lock = threading.Lock()
        self._bytes = 0
        self.calls: dict[Stage, list[Call]] = {}
        self.singles: dict[Stage, dict[str, Array]] = {}

    @contextmanager
    def of(self, engine: Engine) -> Iterator[None]:
        """Listen to an engine while this is open; it stays the very object that it is, with all its abilities."""
        run_all = engine.run_all

        def heard(stage: Stage, **inputs: Any) -> dict[str, Array]:
            outputs = run_all(stage, **inputs)
            self._keep(stage, inputs, outputs)
            return outputs

        def heard_alone(stage: Stage, **inputs: Any) -> Array:
            (output,) = heard(stage, **inputs).values()
            return output

        vars(engine).update(run=heard_alone, run_all=heard)
        try:
            yield
        finally:
            for name in ("run", "run_all"):
                vars(engine).pop(name)

    def _keep(self, stage: Stage, inputs: dict[str, Any], outputs: dict[str, Array]) -> None:
        on_host = {
            name: np.asarray(value.on_host() if hasattr(value, "on_host") else value) for name, value in inputs.items()
        }
        key = _digest(on_host) if stage in self._single else ""
        size = sum(array.nbytes for array in (*on_host.values(), *outputs.values()))
        with self._lock:
            if key:
                (output, *_) = outputs.values()
                self.singles.setdefault(stage, {})[key] = np.array(output)
            kept = self.calls.setdefault(stage, [])
            if len(kept) < _CALLS and (not kept or self._bytes + size <= _BYTES):
                self._bytes += size
                kept.append(
                    Call(
                        {name: np.array(array) for name, array in on_host.items()},
                        {name: np.array(array) for name, array in outputs.items()},
                    )
                )


def _digest(inputs: dict[str, Array]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(inputs):
        digest.update(f"{name} {inputs[name].shape} {inputs[name].dtype}\n".encode())
        digest.update(np.ascontiguousarray(inputs[name]).data)
    return digest.hexdigest()
