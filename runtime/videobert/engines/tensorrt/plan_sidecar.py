"""The sidecar of a plan: what it was made from, for which GPUs, by which library, and what it must hash to.

A plan is code. It is loaded only if this user built it or vouches for it, and if its sidecar is sound, names this very
plan, and fits the model folder beside it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videobert.base.code_trust import read_code, sidecar_digest
from videobert.base.errors import MismatchError
from videobert.engines.tensorrt.plan_info import Fusion
from videobert.engines.tensorrt.profiles import Profile

SIDECAR_VERSION = 1
_MOST_BYTES = 1 << 20
REBUILD = "Build the engine again with `videobert build`."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecipe:
    """Everything that a plan's bytes depend on; its hash names the plan in the cache.

    Args:
        graph, weights: sha256 of the ONNX file and of the file that holds its weights (the same if they are inside).
        library, version: Python module and version that built it.
        gpu: name and capability of the machine's GPU where the library builds for that one; else empty.
        attention: `"lengths"`, `"mask"` or `"none"`.
    """

    stage: str
    target: str
    precision: str
    graph: str
    weights: str
    library: str
    version: str
    targets: tuple[str, ...]
    gpu: str
    attention: str
    profiles: tuple[Profile, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSidecar:
    """What lies beside a plan as `<stage>.json`.

    Args:
        sha256, size_bytes: of the plan.
        fusion: kernels named in the plan, None where they cannot be read.
        expected_attention: fused attentions that it must name: layers times profiles; 0 in fp32, which has none.
        build_s, peak_memory_bytes: what the build took, where the plan was first built.
    """

    recipe: dict[str, Any]
    sha256: str
    size_bytes: int
    fusion: Fusion | None
    expected_attention: int
    build_s: float
    peak_memory_bytes: int

    @property
    def digest(self) -> str:
        """sha256 of all of it, which `to_bytes` writes with it."""
        return sidecar_digest(self._fields())

    def to_bytes(self) -> bytes:
        """JSON that carries its own hash."""
        return (json.dumps({**self._fields(), "self": self.digest}, indent=1) + "\n").encode()

    def _fields(self) -> dict[str, Any]:
        return {"format": SIDECAR_VERSION, **asdict(self)}

    @classmethod
    def from_bytes(cls, content: bytes) -> PlanSidecar:
        """The sidecar that `to_bytes` wrote.

        Raises:
            MismatchError: it is damaged or was changed.
        """
        try:
            fields = json.loads(content.decode("utf-8"))
            own = fields.pop("self")
            if fields.pop("format") != SIDECAR_VERSION or own != sidecar_digest({"format": SIDECAR_VERSION, **fields}):
                raise ValueError("its hash is not that of its content")
            if not isinstance(fields["size_bytes"], int) or fields["size_bytes"] < 0:
                raise ValueError(f"size_bytes is {fields['size_bytes']!r}")
            fusion = fields.pop("fusion")
            return cls(fusion=None if fusion is None else Fusion(**fusion), **fields)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MismatchError(
                "this engine's sidecar is damaged or was changed", seen=str(error), fix=REBUILD
            ) from error

    def check_plan(self, plan: bytes) -> None:
        """Whether `plan` is the one described.

        Raises:
            MismatchError: it is not.
        """
        if len(plan) != self.size_bytes or hashlib.sha256(plan).hexdigest() != self.sha256:
            raise MismatchError(
                "this plan is not the one that its sidecar describes",
                seen=f"{len(plan)} bytes",
                allowed=f"{self.size_bytes} bytes with sha256 {self.sha256[:16]}…",
                fix=REBUILD,
            )


def read_sidecar(path: Path) -> PlanSidecar:
    """The sidecar in a file; see `read_code` and `PlanSidecar.from_bytes` for the errors."""
    return PlanSidecar.from_bytes(read_code(path, _MOST_BYTES, REBUILD))
