"""Files that a verb writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from videobert.base.errors import UsageError
from videobert.cli.output_file import check_writable


def test_a_new_file_and_one_that_is_there_may_be_written(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.html", "--html")
    (tmp_path / "old.html").touch()
    check_writable(tmp_path / "old.html", "--html")
    check_writable(None, "--html")


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UsageError, match="a device or a pipe"):
            check_writable(tmp_path / name, "--html")
    with pytest.raises(UsageError, match="a folder"):
        check_writable(tmp_path, "--html")
    with pytest.raises(UsageError, match="does not exist"):
        check_writable(tmp_path / "nowhere" / "a.html", "--html")
