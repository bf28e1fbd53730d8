"""VideoBERT tokens, embeddings and answers from video and text.

import videobert

with videobert.load("shapes") as model:
    for segment in model.classify("clip.mp4", question="colour").segments:
        print(segment.start_s, segment.end_s, segment.text)
"""

from __future__ import annotations

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
    UntrustedError,
    UsageError,
    VideoBertError,
)

# Known to type checkers by its name: importing `typing` would cost more than all that is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from videobert.codebook import Codebook
    from videobert.limits import Limits
    from videobert.recipe import Recipe
    from videobert.report.html import html_page
    from videobert.results import (
        AlignedWindow,
        Alignment,
        Candidate,
        Classification,
        Embedding,
        Fill,
        Filled,
        Origin,
        Report,
        ReportSegment,
        Segment,
        Still,
        TokensFrom,
        to_json,
    )
    from videobert.runtime import Runtime, load
    from videobert.tasks.report_stream import ReportStream
    from videobert.token_file import VisualTokens
    from videobert.video import FrameArray, open_clips

__version__ = "0.1.0"

# Everything below is imported on first use, so that `import videobert` costs next to nothing.
_RESULTS = (
    "AlignedWindow",
    "Alignment",
    "Candidate",
    "Classification",
    "Embedding",
    "Fill",
    "Filled",
    "Origin",
    "Report",
    "ReportSegment",
    "Segment",
    "Still",
    "TokensFrom",
    "to_json",
)
_HOME = {
    "Codebook": "videobert.codebook",
    "FrameArray": "videobert.video",
    "Limits": "videobert.limits",
    "Recipe": "videobert.recipe",
    "ReportStream": "videobert.tasks.report_stream",
    "Runtime": "videobert.runtime",
    "VisualTokens": "videobert.token_file",
    "html_page": "videobert.report.html",
    "load": "videobert.runtime",
    "open_clips": "videobert.video",
    **dict.fromkeys(_RESULTS, "videobert.results"),
}

__all__ = [
    "AlignedWindow",
    "Alignment",
    "BuildError",
    "Cancelled",
    "Candidate",
    "Classification",
    "Codebook",
    "DecodeError",
    "DeviceError",
    "Embedding",
    "EngineUnavailable",
    "Fill",
    "Filled",
    "FrameArray",
    "InputError",
    "LimitExceeded",
    "Limits",
    "MismatchError",
    "ModelError",
    "Origin",
    "Recipe",
    "Report",
    "ReportSegment",
    "ReportStream",
    "Runtime",
    "Segment",
    "Still",
    "TokensFrom",
    "UntrustedError",
    "UsageError",
    "VideoBertError",
    "VisualTokens",
    "__version__",
    "html_page",
    "load",
    "open_clips",
    "to_json",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'videobert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
