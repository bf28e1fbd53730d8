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
    from videobert.bench.compare import compare
    from videobert.bench.plan import plan
    from videobert.editing.edit_list import read_edit_list, write_edit_list
    from videobert.editing.film import write_film
    from videobert.index.reader import IndexReader, open_index
    from videobert.model.recipe import Recipe
    from videobert.report.html import html_page
    from videobert.report.search_page import search_page
    from videobert.report.subtitles import srt, vtt
    from videobert.results.align import AlignedWindow, Alignment
    from videobert.results.answer import Answer
    from videobert.results.as_json import to_json
    from videobert.results.candidate import Candidate
    from videobert.results.caption import Caption, Captions
    from videobert.results.classify import Classification, Segment
    from videobert.results.compare import Comparison
    from videobert.results.each import Each
    from videobert.results.edit import EditedFilm, EditPlan, EditSpan, Sought, SoughtStretch
    from videobert.results.embed import Embedding
    from videobert.results.events import Event, Events, UnsureStretch
    from videobert.results.evidence import Evidence
    from videobert.results.fill import Fill, Filled
    from videobert.results.film import Film
    from videobert.results.forecast import Exemplar, Forecast, ForecastToken, Horizon
    from videobert.results.index import Indexed, IndexedFile
    from videobert.results.locate import Hit, Located
    from videobert.results.origin import Origin, TokensFrom
    from videobert.results.plan import Plan
    from videobert.results.run import Report, ReportSegment, Shot, Still
    from videobert.results.search import Found, FoundStretch
    from videobert.results.sentiment import Sentiment, TextSentiment
    from videobert.results.summarize import Summary, SummarySpan
    from videobert.runtime import Runtime, load
    from videobert.tasks.stream import ReportStream
    from videobert.video.decoders.decoder_threads import MeasuredThreads
    from videobert.video.open import open_clips
    from videobert.video.source.frame_array import FrameArray
    from videobert.visual.codebook import Codebook
    from videobert.visual.tokens import VisualTokens
    from videobert.visual.video_features import VideoFeatures


# Everything below is imported on first use, so that `import videobert` costs next to nothing.
_HOME = {
    "Codebook": "videobert.visual.codebook",
    "Comparison": "videobert.results.compare",
    "Plan": "videobert.results.plan",
    "compare": "videobert.bench.compare",
    "plan": "videobert.bench.plan",
    "FrameArray": "videobert.video.source.frame_array",
    "MeasuredThreads": "videobert.video.decoders.decoder_threads",
    "IndexReader": "videobert.index.reader",
    "Limits": "videobert.base.limits",
    "Recipe": "videobert.model.recipe",
    "ReportStream": "videobert.tasks.stream",
    "Runtime": "videobert.runtime",
    "VideoFeatures": "videobert.visual.video_features",
    "VisualTokens": "videobert.visual.tokens",
    "html_page": "videobert.report.html",
    "load": "videobert.runtime",
    "open_clips": "videobert.video.open",
    "srt": "videobert.report.subtitles",
    "vtt": "videobert.report.subtitles",
    "open_index": "videobert.index.reader",
    "search_page": "videobert.report.search_page",
    "read_edit_list": "videobert.editing.edit_list",
    "write_edit_list": "videobert.editing.edit_list",
    "write_film": "videobert.editing.film",
    "AlignedWindow": "videobert.results.align",
    "Alignment": "videobert.results.align",
    "Candidate": "videobert.results.candidate",
    "Caption": "videobert.results.caption",
    "Captions": "videobert.results.caption",
    "Classification": "videobert.results.classify",
    "Each": "videobert.results.each",
    "EditPlan": "videobert.results.edit",
    "EditSpan": "videobert.results.edit",
    "EditedFilm": "videobert.results.edit",
    "Embedding": "videobert.results.embed",
    "Event": "videobert.results.events",
    "Events": "videobert.results.events",
    "Exemplar": "videobert.results.forecast",
    "Fill": "videobert.results.fill",
    "Filled": "videobert.results.fill",
    "Film": "videobert.results.film",
    "Forecast": "videobert.results.forecast",
    "ForecastToken": "videobert.results.forecast",
    "Found": "videobert.results.search",
    "FoundStretch": "videobert.results.search",
    "Horizon": "videobert.results.forecast",
    "Indexed": "videobert.results.index",
    "IndexedFile": "videobert.results.index",
    "Origin": "videobert.results.origin",
    "Report": "videobert.results.run",
    "ReportSegment": "videobert.results.run",
    "Segment": "videobert.results.classify",
    "Sentiment": "videobert.results.sentiment",
    "Shot": "videobert.results.run",
    "Sought": "videobert.results.edit",
    "SoughtStretch": "videobert.results.edit",
    "Still": "videobert.results.run",
    "Summary": "videobert.results.summarize",
    "SummarySpan": "videobert.results.summarize",
    "TextSentiment": "videobert.results.sentiment",
    "TokensFrom": "videobert.results.origin",
    "UnsureStretch": "videobert.results.events",
    "Answer": "videobert.results.answer",
    "Evidence": "videobert.results.evidence",
    "Hit": "videobert.results.locate",
    "Located": "videobert.results.locate",
    "to_json": "videobert.results.as_json",
}

__all__ = [
    "AlignedWindow",
    "Alignment",
    "Answer",
    "BuildError",
    "Cancelled",
    "Candidate",
    "Caption",
    "Captions",
    "Classification",
    "Codebook",
    "Comparison",
    "DecodeError",
    "DeviceError",
    "Each",
    "EditPlan",
    "EditSpan",
    "EditedFilm",
    "Embedding",
    "EngineUnavailable",
    "Event",
    "Events",
    "Evidence",
    "Exemplar",
    "Fill",
    "Filled",
    "Film",
    "Forecast",
    "ForecastToken",
    "Found",
    "FoundStretch",
    "FrameArray",
    "Hit",
    "Horizon",
    "IndexReader",
    "Indexed",
    "IndexedFile",
    "InputError",
    "LimitExceeded",
    "Limits",
    "Located",
    "MeasuredThreads",
    "MismatchError",
    "ModelError",
    "ObtainError",
    "Origin",
    "Plan",
    "Recipe",
    "Report",
    "ReportSegment",
    "ReportStream",
    "Runtime",
    "Segment",
    "Sentiment",
    "Shot",
    "Sought",
    "SoughtStretch",
    "Still",
    "Summary",
    "SummarySpan",
    "TextSentiment",
    "TokensFrom",
    "UnsureStretch",
    "UntrustedError",
    "UsageError",
    "VideoBertError",
    "VideoFeatures",
    "VisualTokens",
    "__version__",
    "compare",
    "html_page",
    "load",
    "open_clips",
    "open_index",
    "plan",
    "read_edit_list",
    "search_page",
    "srt",
    "to_json",
    "vtt",
    "write_edit_list",
    "write_film",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'videobert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
