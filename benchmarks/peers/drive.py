"""What pytest runs: one test a peer. `python -m benchmarks.peers` starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from benchmarks.peers.desk import Desk


def test_peer(desk: Desk, case_and_peer: Any, benchmark: Any) -> None:
    """Parity first; then ours and the peer in turns. The row is written whatever comes of it."""
    row = desk.row(*case_and_peer, benchmark)
    if row["state"] == "absent":
        pytest.skip(f"{row['peer']}: {row['why']}")
    if row["state"] == "not measured":
        pytest.skip(row["why"])
    if row["state"] == "parity is red" and not row["agreement"]["ours_holds"]:
        pytest.fail(f"ours is wrong: {row['agreement']}", pytrace=False)
    if row["state"] == "parity is red":
        pytest.xfail(f"{row['peer']} is wrong, so it has no speed: {row['agreement']}")
    if row["state"] == "failed":
        pytest.fail(row["why"], pytrace=False)
