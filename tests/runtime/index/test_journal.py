"""The journal: whole lines count, an unfinished one does not, and a changed one is damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.base.errors import ModelError
from videobert.index.journal import JournalWriter, line_of, read_journal, records_in

RECORDS = [{"op": "drop", "path": f"/films/{number}\udcff.mp4"} for number in range(5)]


def whole() -> bytes:
    return b"".join(map(line_of, RECORDS))


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, 0)
    for record in RECORDS:
        writer.add(record)
    writer.close()
    assert [record for record, _ in records_in(tmp_path, read_journal(tmp_path))] == RECORDS


def test_cut_at_any_place_it_holds_the_lines_before(tmp_path: Path) -> None:
    content = whole()
    ends = [place for _, place in records_in(tmp_path, content)]
    assert ends[-1] == len(content)
    for cut in range(len(content) + 1):
        found = list(records_in(tmp_path, content[:cut]))
        assert [record for record, _ in found] == RECORDS[: sum(end <= cut for end in ends)]


def test_any_changed_byte_of_a_whole_line_is_damage_or_an_unfinished_end(tmp_path: Path) -> None:
    content = whole()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x04
        try:
            found = [record for record, _ in records_in(tmp_path, bytes(changed))]
        except ModelError:
            continue
        # Of the last line's end alone can nobody know that it was there; the case of a checksum's digit does not count.
        assert found in (RECORDS, RECORDS[:-1])
        assert place == len(content) - 1 or bytes(changed).lower() == content.lower()


@pytest.mark.parametrize("line", [b"\n", b"zz {}\n", b"00000000 []\n", line_of([]), b"x" * 70_000 + b"\n"])
def test_a_line_that_is_no_record_is_damage(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(ModelError, match="journal"):
        list(records_in(tmp_path, line))


def test_a_writer_cuts_off_what_was_never_finished(tmp_path: Path) -> None:
    content = line_of(RECORDS[0])
    (tmp_path / "journal").write_bytes(content + b"half")
    writer = JournalWriter(tmp_path, len(content))
    writer.add(RECORDS[1])
    writer.close()
    assert [record for record, _ in records_in(tmp_path, read_journal(tmp_path))] == RECORDS[:2]
