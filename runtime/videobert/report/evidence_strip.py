"""Which clips an answer rests on, as a strip of marks on a page."""

from __future__ import annotations

from collections.abc import Sequence

from videobert.report.evidence_lines import loses, rests_on
from videobert.report.safe_text import escaped
from videobert.report.times import span
from videobert.results.evidence import Evidence, weightiest
from videobert.results.run import Still

STRIP_STYLE = """
.evidence { margin: 3px 0 2px; font-size: 11.5px; color: var(--faint); font-variant-numeric: tabular-nums; }
.evidence .marks { position: relative; height: 8px; border-radius: 3px; background: var(--track); overflow: hidden; }
.evidence .marks i { position: absolute; top: 0; bottom: 0; min-width: 2px; background: var(--accent);
  border: 0 solid var(--card); border-width: 0 1px; background-clip: padding-box; }
.evidence .marks i.against { background: var(--far); background-clip: padding-box; }
.evidence .marks i.most { outline: 1px solid var(--ink); outline-offset: -1px; }
.evidence .picture { display: block; width: 64px; height: 48px; border-radius: 5px; margin: 4px 0 0;
  border: 2px solid var(--accent); }
"""
_FAINTEST = 0.08


def evidence_strip(clips: Sequence[Evidence], film: Sequence[tuple[Still, str]] = ()) -> str:
    """A mark for each clip, the stronger the more the score loses without it, and a picture of the weightiest.

    Args:
        clips: of one answer. Where there is but one, nothing is to be marked.
        film: pictures of the video with the names of their CSS classes.
    """
    if len(clips) < 2:
        return ""
    start_s, end_s = clips[0].start_s, clips[-1].end_s
    length_s = max(end_s - start_s, 1e-9)
    strongest = max(max(abs(clip.drop) for clip in clips), 1e-9)
    most = weightiest(clips)
    marks = "".join(
        f'<i class="{"against" if clip.drop < 0 else "for"}{" most" if clip is most else ""}" '
        f'title="{escaped(span(clip.start_s, clip.end_s))}: {escaped(loses(clip))}" '
        f'style="left:{100 * (clip.start_s - start_s) / length_s:.2f}%;'
        f"width:{100 * (clip.end_s - clip.start_s) / length_s:.2f}%;"
        f'opacity:{max(_FAINTEST, abs(clip.drop) / strongest):.2f}"></i>'
        for clip in clips
    )
    shown = next((name for still, name in film if most.start_s <= still.time_s < most.end_s), None)
    picture = f'<div class="picture {shown}"></div>' if shown is not None else ""
    return f'<div class="evidence"><div class="marks">{marks}</div>{escaped(rests_on(clips))}{picture}</div>'
