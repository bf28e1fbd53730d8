"""VideoBERT tokens, embeddings and answers from video and text.

import videobert

with videobert.load("shapes") as model:
    for segment in model.classify("clip.mp4", question="colour").segments:
        print(segment.start_s, segment.end_s, segment.text)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from videobert.errors import (
    BuildError,
    Cancelled,
    DecodeError,
    DeviceError,
    EngineUnavailable,
    InputError,
    LimitExceeded,
    MismatchError,
    ModelError,
    VideoBertError,
)

if TYPE_CHECKING:
    from videobert.codebook import Codebook
    from videobert.limits import Limits
    from videobert.recipe import Recipe
    from videobert.runtime import Runtime, load
    from videobert.token_file import VisualTokens
    from videobert.video import FrameArray

__version__ = "0.1.0"

# Everything below is imported on first use, so that `import videobert` costs next to nothing.
_HOME = {
    "Codebook": "videobert.codebook",
    "FrameArray": "videobert.video",
    "Limits": "videobert.limits",
    "Recipe": "videobert.recipe",
    "Runtime": "videobert.runtime",
    "VisualTokens": "videobert.token_file",
    "load": "videobert.runtime",
}

__all__ = [
    "BuildError",
    "Cancelled",
    "Codebook",
    "DecodeError",
    "DeviceError",
    "EngineUnavailable",
    "FrameArray",
    "InputError",
    "LimitExceeded",
    "Limits",
    "MismatchError",
    "ModelError",
    "Recipe",
    "Runtime",
    "VideoBertError",
    "VisualTokens",
    "__version__",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'videobert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
