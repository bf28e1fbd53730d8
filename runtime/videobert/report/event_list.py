"""The events of an HTML report: what goes on from when to when, each with its place on the time line."""

from __future__ import annotations

from videobert.report.answer_runs import AnswerRun, Events, longest
from videobert.report.hues import hue_style
from videobert.report.safe_text import escaped
from videobert.report.time_scale import TimeScale
from videobert.report.times import span

# A longer list is not read.
_MOST = 100


def event_list(events: Events, scale: TimeScale) -> str:
    """The card's content: of very many events the longest, in the order of their starts."""
    shown = longest(events, _MOST)
    rows = "".join(_event(question, run, scale) for question, run in shown)
    left_out = len(events) - len(shown)
    more = f'<p class="note">and {left_out} shorter ones</p>' if left_out else ""
    return f'<div class="events">{rows}</div>{more}'


def _event(question: str, run: AnswerRun, scale: TimeScale) -> str:
    when, what = span(run.start_s, run.end_s), str(run.answer)
    return (
        f'<div class="event" title="{escaped(what)}"><span class="when">{escaped(when)}</span>'
        f"<span><b>{escaped(what)}</b> <span>{escaped(question)}</span></span>"
        f'<div class="track"><i style="{scale.place(run.start_s, run.end_s)};{hue_style(what)}"></i></div>'
        f"<em>{run.score:.2f}</em></div>"
    )
