"""Tables fit any width: beside each other while they can, and no word is ever broken."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len

from videobert.report.screen import wrapped
from videobert.report.table import Column, Table

WORDS = ["a", "bounces", "0.91", "日本語", "🔴", "incomprehensibilities", "(12", "frames", "e\u0301tat"]


def lines(table: Table, rows: list[list[list[tuple[str, str]]]]) -> list[str]:
    return [line.plain for line in (*table.heading(), *(line for row in rows for line in table.row(row)))]


@pytest.mark.parametrize("width", [20, 30, 45, 60, 80, 120, None])
@pytest.mark.parametrize("seed", range(20))
def test_any_rows_fit_any_width(width: int | None, seed: int) -> None:
    random = np.random.default_rng(seed)
    columns = [
        Column(heading=f"h{index}", wraps=index > 0, right=index == 4, spare=index == 3)
        for index in range(int(random.integers(2, 7)))
    ]
    rows = [
        [[(f"{n}–{n + 1}", "")], *([(" ".join(random.choice(WORDS, random.integers(1, 4))), "")] for _ in columns[1:])]
        for n in range(5)
    ]
    table = Table(columns, rows, width)
    shown = lines(table, rows)
    kept = [index for index, column in enumerate(columns) if column.heading not in table.left_out]
    expected = [word for row in rows for index in kept for word in row[index][0][0].split()]
    headings = [column.heading for column in columns]
    words = [word for line in shown for word in line.split() if word not in headings]
    assert sorted(words) == sorted(expected)
    assert set(table.left_out) <= {"h3"}
    for line in shown:
        longest = max(cell_len(word) for word in WORDS)
        # A word that is longer than the terminal is wide stands on a line of its own, whole.
        assert width is None or cell_len(line) <= width or (width < longest and len(line.split()) == 1), line


def test_columns_are_narrowed_to_their_longest_word_and_no_further() -> None:
    columns = [Column(heading="t"), Column(heading="x", wraps=True), Column(heading="y", wraps=True)]
    rows = [[[("0", "")], [("bounces 0.91", "")], [("yellow 0.93", "")]]]
    assert lines(Table(columns, rows, 18), rows) == ["t  x        y", "0  bounces  yellow", "   0.91     0.93"]
    assert lines(Table(columns, rows, 17), rows) == ["0", "  x  bounces 0.91", "  y  yellow 0.93"]


def test_a_spare_column_goes_before_anything_wraps() -> None:
    columns = [Column(heading="t"), Column(heading="x", wraps=True), Column(heading="spare", wraps=True, spare=True)]
    rows = [[[("0", "")], [("bounces 0.91", "")], [("1 2 3", "")]]]
    assert Table(columns, rows, 23).left_out == ()
    narrow = Table(columns, rows, 20)
    assert narrow.left_out == ("spare",)
    assert lines(narrow, rows) == ["t  x", "0  bounces 0.91"]


def test_a_column_that_yields_is_narrowed_first_and_goes_before_rows_take_several_lines() -> None:
    columns = [Column(heading="t"), Column(heading="x", wraps=True), Column(heading="y", wraps=True, yields=True)]
    rows = [[[("0", "")], [("bounces 0.91", "")], [("yellow 0.93", "")]]]
    assert lines(Table(columns, rows, 25), rows) == [
        "t  x             y",
        "0  bounces 0.91  yellow",
        "                 0.93",
    ]
    narrow = Table(columns, rows, 17)
    assert narrow.left_out == ("y",)
    assert lines(narrow, rows) == ["t  x", "0  bounces 0.91"]
    # A word that has no room beside its heading has a line below it.
    below = ["0", "  x", "  bounces", "  0.91", "  y", "  yellow", "  0.93"]
    assert lines(Table(columns, rows, 9), rows) == below
    assert lines(Table(columns, rows, 7), rows) == ["0", "  x", "bounces", "0.91", "  y", " yellow", " 0.93"]


def test_a_table_says_how_much_room_its_cells_have() -> None:
    columns = [Column(heading="t"), Column(heading="xyz", wraps=True), Column(heading="y", wraps=True)]
    rows = [[[("0", "")], [("bounces 0.91", "")], [("yellow 0.93", "")]]]
    for width, room, whole in ((None, None, True), (80, 12, True), (18, 7, False), (12, 5, False)):
        table = Table(columns, rows, width)
        assert (table.room(1), table.whole) == (room, whole)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("one two three", 7, ["one two", "  three"]),
        ("one two", None, ["one two"]),
        ("incomprehensibilities of", 5, ["incomprehensibilities", "  of"]),
        ("日本 語", 4, ["日本", "  語"]),
        ("", 10, [""]),
    ],
)
def test_prose_is_broken_between_words(text: str, width: int | None, expected: list[str]) -> None:
    assert list(wrapped(text, width, rest="  ")) == expected
