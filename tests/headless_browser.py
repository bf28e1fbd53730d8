"""A page as a real browser shows it: Chromium without a window, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)


def look_at(page: str, folder: Path, *, width: int = 1000, height: int = 1400) -> tuple[str, str, Path]:
    """What a browser makes of a page: its document after loading, what it complained about, and a picture of it.

    Skips the test that asks where no browser is installed.

    Args:
        page: HTML.
        folder: where page and picture go.
    """
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    path, picture = folder / "page.html", folder / "page.png"
    path.write_text(page, encoding="utf-8")
    profile = folder / "profile"
    base = [program, *_QUIET, f"--user-data-dir={profile}", f"--window-size={width},{height}"]
    shown = subprocess.run(
        [*base, "--dump-dom", f"--screenshot={picture}", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    complaints = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    return shown.stdout, "\n".join(complaints), picture
