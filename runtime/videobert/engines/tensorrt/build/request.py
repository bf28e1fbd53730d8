"""What the builder's process is asked for and what it answers, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from videobert.engines.tensorrt.profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """One plan to build.

    Args:
        target: name of the flavour.
        graph: the ONNX file; a file of weights that it names lies beside it.
        targets: compute capabilities; empty where the flavour builds for the machine's own GPU.
        profiles: shapes to optimise for.
        lengths: the input that holds the key lengths of every attention without a mask; None if there is none.
        exact: no TF32 in float32 products.
    """

    target: str
    graph: Path
    targets: tuple[str, ...]
    profiles: tuple[Profile, ...]
    lengths: str | None = None
    exact: bool = False

    def to_json(self) -> str:
        """One line."""
        return json.dumps({**asdict(self), "graph": str(self.graph)})

    @classmethod
    def from_json(cls, text: str) -> BuildRequest:
        """The request that `to_json` wrote."""
        fields = json.loads(text)
        profiles = tuple(
            Profile(inputs={name: _shapes(shapes) for name, shapes in profile["inputs"].items()})
            for profile in fields["profiles"]
        )
        return cls(
            target=fields["target"],
            graph=Path(fields["graph"]),
            targets=tuple(fields["targets"]),
            profiles=profiles,
            lengths=fields["lengths"],
            exact=fields["exact"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What a finished build says beside the plan.

    Args:
        version: of the library.
        attentions: attention operators in the network.
        lengths_given: how many of them were given key lengths after parsing.
    """

    version: str
    attentions: int
    lengths_given: int
    build_s: float


def _shapes(shapes: list[list[int]]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    least, usual, largest = (tuple(shape) for shape in shapes)
    return least, usual, largest
