"""Key frames that others led, as beginnings: what changes of their packets, and nothing else."""

from __future__ import annotations

from videobert.editing.broken_links import as_broken_link

# A parameter set, two slices of clean random access, the second with other flags, and one of another type.
SET, FIRST, SECOND, OTHER = b"\x42\x01\x01", b"\x2a\x01\xac\xff", b"\x2b\x02\x6c\x2a\x01", b"\x02\x01\xd0\x2a"


def test_only_the_type_of_clean_random_access_changes() -> None:
    changed = (SET, b"\x24\x01\xac\xff", b"\x25\x02\x2c\x2a\x01", OTHER)
    for length_bytes in (2, 4):
        packet = b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in (SET, FIRST, SECOND, OTHER))
        expected = b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in changed)
        assert as_broken_link(packet, length_bytes) == expected
    packet = b"\0\0\0\1" + b"\0\0\1".join((SET, FIRST, SECOND, OTHER))
    assert as_broken_link(packet, 0) == b"\0\0\0\1" + b"\0\0\1".join(changed)


def test_packets_that_are_cut_short_stay() -> None:
    for packet in (b"", b"\0", b"\0\0\0\5\x2a", b"\0\0\0\5\x2a\1", b"\xff\xff\xff\xff"):
        assert as_broken_link(packet, 4) == packet
    assert as_broken_link(b"\0\0\1\x2a", 0) == b"\0\0\1\x2a"
