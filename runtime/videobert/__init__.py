"""VideoBERT tokens, embeddings and answers from video and text.

import videobert

with videobert.load("shapes") as model:
    for segment in model.classify("clip.mp4", question="colour").segments:
        print(segment.start_s, segment.end_s, segment.text)
"""

from __future__ import annotations

from videobert.base.errors import (
    BuildError,
    Cancelled,
    DecodeError,
    DeviceError,
    EngineUnavailable,
    InputError,
    LimitExceeded,
    MismatchError,
    ModelError,
    ObtainError,
    UntrustedError,
    UsageError,
    VideoBertError,
)
from videobert.base.version import __version__

# Known to type checkers by its name: importing `typing` would cost more than all that is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from videobert.base.limits import Limits
    from videobert.model.recipe import Recipe
    from videobert.report.html import html_page
    from videobert.results.align import AlignedWindow, Alignment
    from videobert.results.as_json import to_json
    from videobert.results.candidate import Candidate
    from videobert.results.classify import Classification, Segment
    from videobert.results.embed import Embedding
    from videobert.results.fill import Fill, Filled
    from videobert.results.forecast import Exemplar, Forecast, ForecastToken, Horizon
    from videobert.results.origin import Origin, TokensFrom
    from videobert.results.run import Report, ReportSegment, Shot, Still
    from videobert.results.sentiment import Sentiment, TextSentiment
    from videobert.results.summarize import Summary, SummarySpan
    from videobert.runtime import Runtime, load
    from videobert.tasks.stream import ReportStream
    from videobert.video.open import open_clips
    from videobert.video.source.frame_array import FrameArray
    from videobert.visual.codebook import Codebook
    from videobert.visual.tokens import VisualTokens
    from videobert.visual.video_features import VideoFeatures


# Everything below is imported on first use, so that `import videobert` costs next to nothing.
_HOME = {
    "Codebook": "videobert.visual.codebook",
    "FrameArray": "videobert.video.source.frame_array",
    "Limits": "videobert.base.limits",
    "Recipe": "videobert.model.recipe",
    "ReportStream": "videobert.tasks.stream",
    "Runtime": "videobert.runtime",
    "VideoFeatures": "videobert.visual.video_features",
    "VisualTokens": "videobert.visual.tokens",
    "html_page": "videobert.report.html",
    "load": "videobert.runtime",
    "open_clips": "videobert.video.open",
    "AlignedWindow": "videobert.results.align",
    "Alignment": "videobert.results.align",
    "Candidate": "videobert.results.candidate",
    "Classification": "videobert.results.classify",
    "Embedding": "videobert.results.embed",
    "Exemplar": "videobert.results.forecast",
    "Fill": "videobert.results.fill",
    "Filled": "videobert.results.fill",
    "Forecast": "videobert.results.forecast",
    "ForecastToken": "videobert.results.forecast",
    "Horizon": "videobert.results.forecast",
    "Origin": "videobert.results.origin",
    "Report": "videobert.results.run",
    "ReportSegment": "videobert.results.run",
    "Segment": "videobert.results.classify",
    "Sentiment": "videobert.results.sentiment",
    "Shot": "videobert.results.run",
    "Still": "videobert.results.run",
    "Summary": "videobert.results.summarize",
    "SummarySpan": "videobert.results.summarize",
    "TextSentiment": "videobert.results.sentiment",
    "TokensFrom": "videobert.results.origin",
    "to_json": "videobert.results.as_json",
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
    "Exemplar",
    "Fill",
    "Filled",
    "Forecast",
    "ForecastToken",
    "FrameArray",
    "Horizon",
    "InputError",
    "LimitExceeded",
    "Limits",
    "MismatchError",
    "ModelError",
    "ObtainError",
    "Origin",
    "Recipe",
    "Report",
    "ReportSegment",
    "ReportStream",
    "Runtime",
    "Segment",
    "Sentiment",
    "Shot",
    "Still",
    "Summary",
    "SummarySpan",
    "TextSentiment",
    "TokensFrom",
    "UntrustedError",
    "UsageError",
    "VideoBertError",
    "VideoFeatures",
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
