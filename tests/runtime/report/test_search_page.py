"""The page of what was found: it plays stretches, fetches nothing, and no text of others gets into it as markup."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from sample_report import make_report

from videobert.base.errors import UsageError
from videobert.report.search_page import search_page
from videobert.results.evidence import Evidence
from videobert.results.search import Found, FoundStretch

JPEG = b"\xff\xd8 picture \xff\xd9"
NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x1b[31m\u202e'


def found(*hits: FoundStretch, **changes: Any) -> Found:
    made = Found(
        query="a dog",
        kind="text",
        span=None,
        method="vectors, alignment",
        hits=hits,
        videos=2,
        stretches=10,
        fits=True,
        percentile=None,
        out_of_domain=None,
        origin=make_report().origin,
    )
    return dataclasses.replace(made, **changes)


def hit(source: str = "/films/a.mp4", **changes: Any) -> FoundStretch:
    made = FoundStretch(source=source, start_s=1.5, end_s=4.0625, score=0.75, thumbnail=JPEG)
    return dataclasses.replace(made, **changes)


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_each_hit_is_a_player_of_its_stretch_with_its_picture() -> None:
    tags = Tags(search_page(found(hit(), hit("/films/b c#d?.mp4")))).tags
    videos = [attributes for tag, attributes in tags if tag == "video"]
    assert [each["src"] for each in videos] == [
        "file:///films/a.mp4#t=1.500,4.062",
        "file:///films/b%20c%23d%3F.mp4#t=1.500,4.062",
    ]
    assert all(str(each["poster"]).startswith("data:image/jpeg;base64,") for each in videos)
    assert all(each["preload"] == "none" for each in videos)


def test_text_of_others_is_never_markup() -> None:
    plain = {tag for tag, _ in Tags(search_page(found(hit()))).tags}
    nasty = search_page(found(hit(f"/films/{NASTY}.mp4"), query=NASTY))
    assert {tag for tag, _ in Tags(nasty).tags} == plain
    assert not any("onerror" in attributes for _, attributes in Tags(nasty).tags)
    assert "\x1b" not in nasty
    assert "\u202e" not in nasty


def test_a_name_that_is_no_utf8_is_addressed_by_its_bytes() -> None:
    page = search_page(found(hit("/films/\udcff\udc80.mp4")))
    page.encode("utf-8")
    (address,) = re.findall(r'src="file://([^#"]*)#', page)
    assert unquote_to_bytes(address) == b"/films/\xff\x80.mp4"


@pytest.mark.parametrize("source", ["evil.example/a.mp4", "//evil.example/a.mp4", "\\\\evil.example\\a.mp4"])
def test_no_path_of_an_index_names_a_host(source: str) -> None:
    (address,) = re.findall(r'src="([^#"]*)#', search_page(found(hit(source))))
    assert address.startswith("file:///")
    assert not address.startswith("file:////")


def test_nothing_is_fetched_or_run() -> None:
    page = search_page(found(hit()))
    assert "script" not in page
    assert "http:" not in page.replace('http-equiv="', "")
    assert "https:" not in page
    policy = next(a["content"] for tag, a in Tags(page).tags if a.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "media-src file:" in policy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fits": False}, "Unsure"),
        ({"hits": ()}, "Nothing found"),
        ({"kind": "video", "fits": None, "out_of_domain": True, "percentile": 99.9}, "Out of domain"),
    ],
)
def test_doubt_stands_first(changes: dict[str, Any], said: str) -> None:
    page = search_page(found(hit(), **changes))
    assert page.index(said) < page.index('class="hits"')
    assert "alert" not in search_page(found(hit()))


def test_marks_and_kinds_of_scores_are_said() -> None:
    page = search_page(found(hit(unsure=True), hit(out_of_domain=True, similarity=3.25)))
    assert ">unsure<" in page
    assert ">out of domain<" in page
    assert "3.250" in page
    assert "similarities" in page
    assert "cosines" in search_page(found(hit(), kind="video", fits=None))


def test_anything_but_what_search_gave_is_refused() -> None:
    with pytest.raises(UsageError, match="found is no Found"):
        search_page(make_report())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.gif", "B.GIF", "a.apng", "a.webp"])
def test_pictures_that_move_are_shown_as_pictures(name: str) -> None:
    page = search_page(found(hit(f"/films/{name}"), hit()))
    tags = Tags(page).tags
    (picture,) = [attributes for tag, attributes in tags if tag == "img"]
    assert str(picture["src"]).startswith(f"file:///films/{name}#")
    assert picture["alt"] == name
    assert len([tag for tag, _ in tags if tag == "video"]) == 1
    # The page lets pictures of this machine in, and no others.
    assert "img-src data: file:;" in page


def test_what_a_hit_rests_on_is_marked() -> None:
    clips = tuple(
        Evidence(start_s=1.5 * at, end_s=1.5 * at + 1.5, drop=drop) for at, drop in enumerate((0.1, -0.2, 0.5))
    )
    page = search_page(found(hit(evidence=clips), hit()))
    assert page.count('<div class="marks">') == 1
    assert "most by 3.0–4.5 s, loses +0.500 without it" in page
    assert "1.5–3.0 s: loses -0.200 without it" in page
