from collections.abc import Sequence
from typing import Any

def cpu_features() -> dict[str, bool]: ...
def cpu_path() -> str: ...

class ClipTransform:
    def __init__(
        self,
        *,
        components: Sequence[tuple[int, int, int, int, int, float, float]],
        bits: int,
        resized: tuple[int, int],
        crop: int,
        turn: tuple[bool, bool, bool],
        colour: Sequence[Sequence[float]],
    ) -> None: ...
    def __call__(self, planes: Sequence[Any], line_sizes: Sequence[int], square: Any) -> None: ...
