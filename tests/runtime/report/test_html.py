"""The HTML report: self-contained, escaped, true to the report."""

from __future__ import annotations

import base64
import colorsys
import dataclasses
import hashlib
import io
import itertools
import math
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from sample_report import make_everyday_report

from videobert.model.config import ModelConfig
from videobert.model.folder import find
from videobert.report.html import html_page
from videobert.report.hues import hue_style
from videobert.report.style import STYLE
from videobert.report.thumbnail import data_uri
from videobert.results.candidate import Candidate
from videobert.results.run import Report, Shot

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style><script>alert(1)</script>",
    "</title><b>",
    "&lt;already&gt;",
    "a\x00b\x1b[31m\u202egp4.\udce9",
    "}</style> body{background:url(http://evil.example/x)}",
    "javascript:alert(1)",
    "--h:0;background:url(//evil.example)",
]
# Elements that close themselves.
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails on tags that do not pair up."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_report(report: Report, text: str) -> Report:
    """The report with `text` wherever text comes from outside."""
    answers = {text: (Candidate(text=text, id=None, score=0.9),), "b": (Candidate(text=text, id=1, score=0.1),)}
    origin = dataclasses.replace(report.origin, model=text, engine=text, device=text, precision=text, fallback=text)
    return dataclasses.replace(
        report,
        source=text,
        video={"codec": text, "width": text, "height": text, "rotation": text},
        segments=tuple(dataclasses.replace(segment, answers=answers) for segment in report.segments),
        timings_s={text: 0.5, "total": 1.0},
        origin=origin,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_cannot_become_markup(text: str, report: Report) -> None:
    plain, attacked = Page(html_page(report)), Page(html_page(hostile_report(report, text)))
    # Only elements and attributes that a harmless report has too; a style holds numbers, never a name.
    assert set(attacked.tags) <= {*plain.tags, "span"}
    assert {(tag, name) for tag, name, _ in attacked.attributes} <= {(tag, name) for tag, name, _ in plain.attributes}
    for _, name, value in attacked.attributes:
        if name == "style":
            assert re.fullmatch(r"(--[hs]|left|width|height):[\d.]+%?(;(--[hs]|left|width|height):[\d.]+%?)*", value)
    html_page(hostile_report(report, text)).encode("utf-8")


def test_hostile_text_is_shown_as_it_is(report: Report) -> None:
    shown = Page(html_page(hostile_report(report, "<script>alert(1)</script>"))).text
    assert shown.count("<script>alert(1)</script>") > 5
    assert "\\u202e" in html_page(hostile_report(report, "a\u202eb"))


def test_nothing_is_fetched_and_nothing_runs_but_the_search(report: Report) -> None:
    text = html_page(report)
    parsed = Page(text)
    assert not {"link", "iframe", "object", "embed", "base", "form", "a", "img"} & set(parsed.tags)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    named = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = (
        value for tag, name, value in parsed.attributes if (tag, name) == ("meta", "content") and "src" in value
    )
    assert re.findall(r"script-src ([^;]*);", policy) == [f"'sha256-{named}'"]
    assert not re.search(
        r"fetch|XMLHttp|import|eval|innerHTML|document.write|location|cookie|storage", script, re.IGNORECASE
    )
    assert not [name for _, name, _ in parsed.attributes if name in ("src", "href", "srcset") or name.startswith("on")]
    assert not re.search(r"https?:|@import|//[a-z]", re.sub(r"base64,[\w+/=]+", "", text))
    assert set(re.findall(r"url\(([^;)]+)", text)) == {"data:image/jpeg"}
    assert ("meta", "content") in {
        (tag, name) for tag, name, value in parsed.attributes if "default-src 'none'" in value
    }


def test_the_report_is_all_there(report: Report) -> None:
    text = Page(html_page(report)).text
    for shown in ("clip.mp4", "10.1 s · h264 · 854×480", "0.0–1.5 s", "1.5–6.0 s", "6.0–10.5 s", "red", "bounces"):
        assert shown in text
    for shown in (
        "712",
        "1041",
        "0.97",
        "12 frames padded",
        "in domain",
        "33×",
        "decode",
        "120 ms",
        "700 µs",
        "openvino on CPU",
    ):
        assert shown in text
    for shown in ("bf16", "0123456789abcdef", "stride"):
        assert shown in text


def cells(text: str) -> list[tuple[str, float, float, str]]:
    """The film: each cell's picture, bounds in percent and caption."""
    found = re.findall(
        r'<i class="picture (f\d+)" style="left:([\d.]+)%;width:([\d.]+)%"><span>([^<]*)</span></i>', text
    )
    return [(name, float(left), float(left) + float(width), time) for name, left, width, time in found]


def test_the_film_shows_stills_of_their_own_times(report: Report) -> None:
    text = html_page(report)
    shown = cells(text)
    times_s = [float(time.removesuffix(" s")) for *_, time in shown]
    assert len(shown) == 12
    assert times_s == sorted(set(times_s))
    # Several to a segment: the second lasts from 1.5 to 6.0 s.
    assert len([time_s for time_s in times_s if 1.5 <= time_s < 6]) >= 4
    assert len(set(re.findall(r"\.f\d+\{background-image:url\(([^)]+)\)", text))) == 12
    for (_, left, right, _), (_, following, _, _), time_s in zip(shown, shown[1:], times_s[1:], strict=False):
        assert right == pytest.approx(following, abs=0.01)
        assert left < right < 100 * time_s / 10.5
    assert (shown[0][1], shown[-1][2]) == (0, pytest.approx(100, abs=0.01))


@pytest.mark.parametrize("count", [0, 1, 2, 13, 48])
def test_the_film_repeats_no_still(count: int, report: Report) -> None:
    stills = tuple(dataclasses.replace(report.stills[0], time_s=0.1 + 0.2 * n) for n in range(count))
    text = html_page(dataclasses.replace(report, stills=stills))
    names = [name for name, *_ in cells(text)]
    assert len(names) == len(set(names)) == min(count, 12)
    assert "repeat-x" not in text


def test_an_answer_has_one_colour_everywhere(report: Report) -> None:
    text = html_page(report)
    (spins,) = set(re.findall(r"(--h:[^\"]*)\" title=\"[^\"]*: spins,", text))
    first, *rest = report.segments
    turned = {"motion": first.answers["colour"], "another question": first.answers["motion"]}
    other = html_page(dataclasses.replace(report, segments=(*rest, dataclasses.replace(first, answers=turned))))
    assert set(re.findall(r"(--h:[^\"]*)\" title=\"[^\"]*: spins,", other)) == {spins}
    assert hue_style("Red") == hue_style("red ") == "--h:2"
    assert hue_style("grey") == "--h:220;--s:6%"


def test_colours_are_the_same_in_every_run() -> None:
    code = "from videobert.report.hues import hue_style; print(hue_style('spins'), hue_style('caf\\udce9'))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(seen) == 1


def test_the_bundled_answers_to_one_question_are_apart() -> None:
    for question in ModelConfig.read(find("shapes") / "config.json").questions.values():
        styles = [hue_style(label) for label in question.labels if label != "white"]
        hues = sorted(int(re.findall(r"--h:(\d+)", style)[0]) for style in styles)
        assert min(b - a for a, b in pairwise([*hues, hues[0] + 360])) >= 30


def luminance(red: float, green: float, blue: float) -> float:
    """As WCAG 2 defines it, of channels from 0 to 1."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_all_text_can_be_read(mode: int) -> None:
    """Small text has a contrast of 4.5 to 1 at least, on a block of any colour too, and a slim block of 3 to 1."""
    found = re.findall(r"--([a-z-]+): (#\w{6}|\d+%);", STYLE)
    assert len(found) % 2 == 0
    values = dict(found[: len(found) // 2] if mode == 0 else found[len(found) // 2 :])

    def colour(name: str) -> float:
        return luminance(*(int(values[name][start : start + 2], 16) / 255 for start in (1, 3, 5)))

    def hsl(hue: int, saturation: float, lightness: str) -> float:
        return luminance(*colorsys.hls_to_rgb(hue / 360, int(values[lightness][:-1]) / 100, saturation))

    for ink, ground in itertools.product(("ink", "soft", "faint"), ("page", "card")):
        assert contrast(colour(ink), colour(ground)) >= 4.5, (ink, ground)
    for kind in ("good", "warn"):
        assert contrast(colour(kind), colour(f"{kind}-back")) >= 4.5, kind
    assert contrast(colour("accent"), colour("track")) >= 3
    # Open answers and the numbers of shots.
    for ground in ("track", "line"):
        assert contrast(colour("soft"), colour(ground)) >= 4.5, ground
    for hue in range(360):
        full = int(values["block-s"][:-1]) / 100
        for block_s, ink_s in ((full, 0.6), (0.34, 0.34), (0.06, 0.06)):
            block, ink = hsl(hue, block_s, "block-l"), hsl(hue, ink_s, "block-ink-l")
            assert contrast(block, ink) >= 4.5, (hue, block_s)
        for slim_s in (0.6, 0.34, 0.06):
            assert contrast(hsl(hue, slim_s, "slim-l"), colour("card")) >= 2.9, (hue, slim_s)


def test_doubt_is_a_sentence_at_the_top_and_no_answer_stands_out(report: Report) -> None:
    assert "mean little" not in Page(html_page(report)).text
    text = html_page(dataclasses.replace(report, out_of_domain=True, percentile=99.8))
    said = "Out of domain: this video is unlike what the model was trained on (median distance percentile 100), so the"
    shown = Page(text).text
    assert f"{said} answers mean little." in shown
    assert shown.index(said) < shown.index("Time line") < shown.index("spins")
    assert '<main class="doubt">' in text
    assert ".doubt .candidate.best { color: var(--soft); font-weight: 400; }" in text
    assert ".doubt .block { font-weight: 400; }" in text


@pytest.fixture
def everyday() -> Report:
    return make_everyday_report()


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_cannot_become_markup_in_a_report_of_real_film(text: str, everyday: Report) -> None:
    segments = tuple(dataclasses.replace(segment, unsure=(text,)) for segment in everyday.segments)
    attacked = hostile_report(dataclasses.replace(everyday, segments=segments, shots_by=text), text)
    plain, page = Page(html_page(everyday)), Page(html_page(attacked))
    assert set(page.tags) <= set(plain.tags)
    assert {(tag, name) for tag, name, _ in page.attributes} <= {(tag, name) for tag, name, _ in plain.attributes}


def test_nothing_is_said_of_percentiles_where_there_are_none(everyday: Report, report: Report) -> None:
    text = html_page(everyday)
    page = Page(text)
    body = page.text.replace(STYLE, "")
    assert not [word for word in ("percentile", "domain", "training clips", "None") if word in body]
    assert not [value for _, name, value in page.attributes if name == "title" and "percentile" in value]
    assert 'class="badge' not in text
    assert 'class="level' not in text
    # A report that has percentiles says of nothing that it is open, and has no shots.
    assert not [word for word in ("unsure", "shots") if word in Page(html_page(report)).text.replace(STYLE, "")]


def test_an_open_answer_is_calm(everyday: Report) -> None:
    text = html_page(everyday)
    # Neighbours that are open are one block, whatever the guesses; it has no colour of its own.
    assert re.search(
        r'class="block open" style="left:25\.000%;width:37\.500%" title="5\.1–12\.8 s: unsure">unsure<', text
    )
    assert 'title="5.1–10.2 s: unsure (crossword puzzle 0.08)">unsure<' in text
    assert text.count('<div class="open"><h3>action <b>unsure</b></h3>') == 2
    assert "its first guesses are pale" in Page(text).text
    rules = re.findall(r"\.(?:block\.open|open)[^{]*\{[^}]*\}", STYLE)
    assert rules
    assert not [rule for rule in rules if "warn" in rule or "far" in rule or "accent" in rule]
    assert ".open .candidate.best { color: var(--soft); font-weight: 400; }" in STYLE
    assert ".block.open { background-color: var(--track); color: var(--soft); font-weight: 400; }" in STYLE


def test_the_shots_have_a_lane_under_their_times(everyday: Report) -> None:
    text = html_page(everyday)
    found = re.findall(
        r'<div class="shot([^"]*)" style="left:([\d.]+)%;width:([\d.]+)%" title="([^"]*)">(\d*)</div>', text
    )
    assert [(kind, title, number) for kind, _, _, title, number in found] == [
        ("", "shot 1: 0.0–5.2 s", "1"),
        (" other", "shot 2: 5.2–10.2 s", "2"),
        ("", "shot 3: 10.2–20.5 s", "3"),
    ]
    assert [float(left) for _, left, *_ in found] == pytest.approx(
        [0, 100 * 5.16 / 20.48, 100 * 10.2 / 20.48], abs=0.01
    )
    shown = Page(text).text
    assert shown.index("Time line") < shown.index("shots", shown.index("Time line")) < shown.index("Segments")
    assert "cuts found by transnet_v2" in shown


def test_shots_beyond_the_segments_stay_on_the_time_line(everyday: Report) -> None:
    shots = (Shot(start_s=-3.0, end_s=10.0), Shot(start_s=10.0, end_s=25.0), Shot(start_s=25.0, end_s=30.0))
    found = re.findall(
        r'class="shot[^"]*" style="left:([-\d.]+)%;width:([\d.]+)%"',
        html_page(dataclasses.replace(everyday, shots=shots)),
    )
    assert [(float(left) >= 0, float(left) + float(width) <= 100.01) for left, width in found] == [(True, True)] * 2


def test_many_shots_of_a_long_film_have_no_numbers(everyday: Report) -> None:
    shots = tuple(Shot(start_s=0.02 * n, end_s=0.02 * n + 0.02) for n in range(1000))
    text = html_page(dataclasses.replace(everyday, shots=shots))
    assert text.count(" slim") > 900
    assert len(text) - len(html_page(everyday)) < 200_000


def test_long_labels_have_wider_columns(everyday: Report, report: Report) -> None:
    assert '<main class="trust long">' in html_page(everyday)
    assert '<main class="trust">' in html_page(report)


def test_blocks_lie_where_their_times_are(report: Report) -> None:
    text = html_page(report)
    assert re.search(
        r'class="block"\s+style="left:0\.000%;width:14\.286%;--h:2" title="0\.0–1\.5 s: red, score 0\.97"', text
    )
    # Neighbours with one answer are one block, with the mean of their scores: "spins" lasts from 0.0 to 6.0 s, 0.88 for
    # a quarter of it and 0.70 for the rest.
    assert re.search(r'style="left:0\.000%;width:57\.143%[^"]*" title="0\.0–6\.0 s: spins, score 0\.74">spins<', text)


def test_a_distance_beyond_training_stands_out(report: Report) -> None:
    assert html_page(report).count('class="far"') == 1
    assert "out of domain" in html_page(dataclasses.replace(report, out_of_domain=True))
    assert "fp32 because" in html_page(
        dataclasses.replace(report, origin=dataclasses.replace(report.origin, fallback="fp32 because"))
    )


def test_a_damaged_stream_is_said(report: Report) -> None:
    assert "damaged" not in Page(html_page(report)).text
    video = {
        **report.video,
        "fps": 29.97,
        "damaged_packets": 3,
        "frames_left_out": 2,
        "clock_restarts": 1,
        "size_changes": 0,
    }
    text = Page(html_page(dataclasses.replace(report, video=video))).text
    assert "29.97 fps" in text
    said = "damaged packets: 3; frames whose time does not fit, left out: 2; restarts of the clock: 1"
    assert said in text
    assert "picture size" not in text


def test_numbers_that_are_none_do_not_break_the_page(report: Report) -> None:
    segment = dataclasses.replace(
        report.segments[0],
        percentile=math.nan,
        answers={"colour": (Candidate(text="red", id=None, score=math.nan),), "none": ()},
    )
    text = html_page(
        dataclasses.replace(
            report, segments=(segment,), percentile=math.nan, timings_s={"decode": math.inf, "total": math.nan}
        )
    )
    Page(text)
    assert not re.search(r"[:\s](nan|inf)%", text)


def test_odd_reports_have_a_page(report: Report) -> None:
    still = dataclasses.replace(report.segments[0], start_s=2.0, end_s=2.0, thumbnail=None)
    for segments in ((), (still,), tuple(dataclasses.replace(s, thumbnail=None) for s in report.segments)):
        text = html_page(dataclasses.replace(report, segments=segments, stills=(), video={}, timings_s={}))
        assert "data:image" not in Page(text).text
        assert "url(" not in text


def test_a_long_video_stays_a_small_page(report: Report) -> None:
    segments = tuple(
        dataclasses.replace(report.segments[k % 3], start_s=1.5 * k, end_s=1.5 * k + 1.5) for k in range(2400)
    )
    text = html_page(dataclasses.replace(report, segments=segments, duration_s=3600.0))
    assert len(text) < 8e6
    assert text.count("url(data:") == 240 + 12
    assert text.count("<article") == 2400


def decoded(uri: str) -> Any:
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    with av.open(io.BytesIO(data)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_a_thumbnail_shows_the_picture() -> None:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:60], picture[60:] = (220, 30, 40), (20, 60, 200)
    seen = decoded(data_uri(picture)).astype(int)
    assert seen.shape == (120, 160, 3)
    assert np.abs(seen[:50] - (220, 30, 40)).max() <= 8
    assert np.abs(seen[70:] - (20, 60, 200)).max() <= 8


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 1000), (1000, 3), (481, 853), (192, 192)])
def test_a_thumbnail_of_any_size_is_small(height: int, width: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    uri = data_uri(noise)
    seen = decoded(uri)
    assert max(seen.shape[:2]) == min(192, max(height, width))
    assert len(uri) < 60_000


def test_events_lie_on_the_time_line_and_may_overlap(everyday: Report) -> None:
    text = html_page(everyday)
    found = re.findall(
        r'<div class="event" title="([^"]*)"><span class="when">([^<]*)</span>.*?style="left:([\d.]+)%;width:([\d.]+)%',
        text,
    )
    assert [(what, when) for what, when, *_ in found] == [
        ("arm wrestling", "0.0–5.1 s"),
        ("sweatshirt", "0.0–5.1 s"),
        ("red fox", "10.2–12.8 s"),
        ("catching or throwing softball", "12.8–20.5 s"),
        ("American Staffordshire terrier", "12.8–20.5 s"),
    ]
    assert [(float(left), float(width)) for *_, left, width in found][2] == (50.0, 12.5)
    # What is left open is no event.
    open_ = tuple(dataclasses.replace(segment, unsure=("action", "object")) for segment in everyday.segments)
    assert 'class="event"' not in html_page(dataclasses.replace(everyday, segments=open_))


def test_of_very_many_events_the_longest_are_listed_in_the_order_of_their_starts(everyday: Report) -> None:
    first, _, _, last = everyday.segments
    segments = tuple(
        dataclasses.replace(first if k % 2 else last, start_s=k, end_s=k + (1 if k % 10 else 0.5)) for k in range(400)
    )
    text = html_page(dataclasses.replace(everyday, segments=segments))
    starts = [float(start) for start in re.findall(r'class="event"[^>]*><span class="when">([\d.]+)–', text)]
    assert len(starts) == 100
    assert starts == sorted(starts)
    assert not [start for start in starts if start % 10 == 0]
    assert "and 700 shorter ones" in Page(text).text


def test_untrained_parts_are_told_where_an_answer_comes_from() -> None:
    report = make_everyday_report()
    assert "untrained" not in html_page(report)
    told = dataclasses.replace(report, origin=dataclasses.replace(report.origin, untrained=("alignment_head", "<b>")))
    assert "alignment_head, &lt;b&gt;: what rests on this means nothing until they are trained" in html_page(told)
