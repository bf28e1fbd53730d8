"""Lists of labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.base.errors import ModelError
from videobert.get.label_files import kinetics400, read_labels


def test_kinetics_is_in_the_order_of_deepmind() -> None:
    labels = kinetics400()
    assert len(set(labels)) == 400
    assert (labels[0], labels[6], labels[399]) == ("abseiling", "arm wrestling", "zumba")
    assert labels.index("playing cricket") == 227
    assert list(labels) == sorted(labels, key=str.lower)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("jumping\r\n  café \nrunning\n\n".encode())
    assert read_labels(tmp_path / "labels.txt") == ("jumping", "café", "running")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 of labels.txt is empty"),
        (b"a\n\nb\n", "line 2 of labels.txt is empty"),
        (b"a\nb\na\n", "line 3 of labels.txt is a label for the second time; got a"),
        (b"\xff\xfe", "cannot be read"),
        (b"x" * ((1 << 20) + 1), "too many"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_labels(tmp_path / "labels.txt")


def test_a_file_that_is_not_there_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(tmp_path / "labels.txt")
