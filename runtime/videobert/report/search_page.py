"""What `search` found as one self-contained HTML page that plays the stretches: no script, all text escaped.

Thumbnails are in the page; the videos themselves are played from where they lie, by the time in their address
(Media Fragments URI 1.0, `#t=start,end`). Moving pictures that a player of videos does not take (GIF) are shown as a
whole, over and over.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote_from_bytes

from videobert.base.arguments import instance
from videobert.base.version import __version__
from videobert.report.evidence_strip import STRIP_STYLE, evidence_strip
from videobert.report.safe_text import escaped
from videobert.report.style import STYLE
from videobert.report.thumbnail import jpeg_data_uri
from videobert.report.times import span
from videobert.results.search import Found, FoundStretch

# Even if text got through unescaped, the browser would load and run nothing but local media.
_POLICY = (
    "default-src 'none'; img-src data: file:; media-src file:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
# What browsers play as pictures alone.
_PICTURES = (".gif", ".apng", ".webp")
_STYLE = """
.hits { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 16px; }
.hits .card { margin: 0; padding: 0; overflow: hidden; }
.hits video, .hits img { display: block; width: 100%; aspect-ratio: 16 / 9; object-fit: contain; background: #000; }
.hits .said { padding: 10px 14px 14px; }
.hits .name { overflow-wrap: anywhere; font-weight: 600; }
.hits .place { overflow-wrap: anywhere; color: var(--soft); font-size: 12.5px; }
.hits .row { display: flex; justify-content: space-between; gap: 10px; font-variant-numeric: tabular-nums; }
.hits .mark { color: var(--warn); background: var(--warn-back); border-radius: 6px; padding: 1px 7px; font-size: 12.5px;
  font-weight: 600; }
"""


def search_page(found: Found) -> str:
    """The page, to be written as UTF-8.

    Raises:
        UsageError: it is not the answer of `Runtime.search`.
    """
    instance("found", found, Found, example='search_page(model.search("a dog", "index"))')
    asked = found.query if found.span is None else f"{found.query}, {span(*found.span)}"
    doubt = _doubt(found)
    warning = f'<p class="warning" role="alert">{escaped(doubt)}</p>' if doubt else ""
    facts = f"{len(found.hits)} of {found.stretches:,} stretches in {found.videos:,} videos, by {found.method}"
    hits = "".join(_hit(number, hit, found) for number, hit in enumerate(found.hits, 1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(asked)} · videobert</title><style>{STYLE}{STRIP_STYLE}{_STYLE}</style></head>\n"
        f'<body><main class="{"doubt" if doubt else "trust"}"><header class="head"><div>'
        f'<div class="brand">videobert search, {escaped("by a video" if found.kind == "video" else "by text")}</div>'
        f'<h1>{escaped(asked)}</h1><p class="facts">{escaped(facts)}</p></div></header>{warning}'
        f'<section class="hits">{hits}</section>'
        f"<footer>videobert {escaped(__version__)} · model {escaped(found.origin.model)} · {_how_to_read(found)}; "
        "videos are played from where they lie</footer></main></body></html>\n"
    )


def _hit(number: int, hit: FoundStretch, found: Found) -> str:
    poster = f' poster="{escaped(jpeg_data_uri(hit.thumbnail))}"' if hit.thumbnail else ""
    path = PurePosixPath(hit.source)
    marks = "".join(
        f'<span class="mark">{words}</span> '
        for words, holds in (("unsure", hit.unsure), ("out of domain", hit.out_of_domain))
        if holds
    )
    said = hit.score if hit.similarity is None else hit.similarity
    if path.suffix.lower() in _PICTURES:
        shown = f'<img loading="lazy" alt="{escaped(path.name)}" src="{escaped(_address(hit))}">'
    else:
        shown = f'<video controls preload="none"{poster} src="{escaped(_address(hit))}"></video>'
    return (
        f'<article class="card">{shown}'
        f'<div class="said"><div class="row"><b>{number}</b><span>{escaped(span(hit.start_s, hit.end_s))}</span>'
        f"<em>{said:.3f}</em></div>{marks}"
        f'<div class="name">{escaped(path.name)}</div><div class="place">{escaped(path.parent)}</div>'
        f"{evidence_strip(hit.evidence)}</div></article>"
    )


def _address(hit: FoundStretch) -> str:
    """The address of the stretch. A name that is no UTF-8 goes by its bytes, as the file system has it."""
    # However the path begins, nothing of it becomes a host: an index may come from elsewhere.
    path = quote_from_bytes(b"/" + hit.source.encode("utf-8", "surrogateescape").lstrip(b"/"))
    # Beyond a millisecond no player goes.
    return f"file://{path}#t={max(0.0, hit.start_s):.3f},{max(0.0, hit.end_s):.3f}"


def _doubt(found: Found) -> str:
    if not found.hits:
        return "Nothing found: the index has no stretches."
    if found.out_of_domain:
        return "Out of domain: the model was not trained on videos like the one that was asked about."
    if found.fits is False:
        return "Unsure: nothing here fits for certain. These are the nearest stretches."
    return ""


def _how_to_read(found: Found) -> str:
    if found.kind == "video":
        return "scores are cosines"
    if any(hit.similarity is not None for hit in found.hits):
        return "scores are similarities, to be compared with each other"
    return "scores are probabilities that the text belongs to the stretch"
