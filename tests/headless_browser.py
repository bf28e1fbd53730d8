"""A page as a real browser shows it: Chromium without a window, driven over a pipe by the Chrome DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in _NAMES if (path := shutil.which(name))), None)
# No way to the network, and nothing that a browser does of itself.
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Tab:
    """One page that is open.

    Attributes:
        complaints: what the browser said of the page on its console: errors of scripts, what its policy refused.
    """

    def __init__(self, ask: Any, session: str, complaints: list[str]) -> None:
        self._ask, self._session, self.complaints = ask, session, complaints

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives in the page, as plain values."""
        given = self._ask("Runtime.evaluate", {"expression": expression, "returnByValue": True}, self._session)
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._ask("Input.insertText", {"text": text}, self._session)

    def picture(self, path: Path) -> None:
        """Writes a picture of what is in the window, as PNG."""
        shown = self._ask("Page.captureScreenshot", {"format": "png"}, self._session)
        path.write_bytes(base64.b64decode(shown["data"]))


def look_at(page: str, folder: Path, *, width: int = 1000, height: int = 1400) -> tuple[str, str, Path]:
    """What a browser makes of a page: its document after loading, what it complained about, and a picture of it.

    Skips the test that asks where no browser is installed.

    Args:
        page: HTML.
        folder: where page and picture go.
    """
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    path, picture = folder / "page.html", folder / "page.png"
    path.write_text(page, encoding="utf-8")
    with opened(path, folder / "profile", width=width, height=height) as tab:
        document = tab.value("document.documentElement.outerHTML")
        tab.picture(picture)
        return document, "\n".join(tab.complaints), picture


@contextmanager
def opened(page: Path, profile: Path, *, width: int = 1000, height: int = 1400) -> Iterator[Tab]:
    """The page in a browser with a profile of its own and no way to the network."""
    assert BROWSER is not None
    to_read, we_write = os.pipe()
    we_read, to_write = os.pipe()
    # The protocol's pipes are the files 3 and 4.
    command = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", BROWSER, *_QUIET]
    command += ["--remote-debugging-pipe", f"--user-data-dir={profile}", f"--window-size={width},{height}"]
    with subprocess.Popen(
        [*command, "about:blank"], pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(to_read)
        os.close(to_write)
        complaints: list[str] = []
        number = 0
        with os.fdopen(we_read, "rb", buffering=0) as answers, os.fdopen(we_write, "wb", buffering=0) as asks:

            def ask(method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
                nonlocal number
                number += 1
                said = {"id": number, "method": method, "params": parameters}
                asks.write(json.dumps(said | ({"sessionId": session} if session else {})).encode() + b"\0")
                while True:
                    given = json.loads(_message(answers))
                    complaints.extend(_complaint(given))
                    if given.get("id") == number:
                        assert "error" not in given, given
                        return given["result"]

            try:
                target = ask("Target.createTarget", {"url": "about:blank"})["targetId"]
                session = ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
                # Before the page is there: what it says while it loads is heard.
                for domain in ("Log", "Runtime", "Page"):
                    ask(f"{domain}.enable", {}, session)
                ask("Page.navigate", {"url": page.as_uri()}, session)
                tab = Tab(ask, session, complaints)
                while tab.value("document.readyState") != "complete" or tab.value("location.href") == "about:blank":
                    pass
                yield tab
                ask("Browser.close", {})
            finally:
                process.kill()


def _complaint(said: dict[str, Any]) -> list[str]:
    """What the browser says of the page without being asked."""
    told = said.get("params", {})
    if said.get("method") == "Log.entryAdded":
        return [str(told["entry"]["text"])]
    if said.get("method") == "Runtime.exceptionThrown":
        return [str(told["exceptionDetails"]["text"])]
    if said.get("method") == "Runtime.consoleAPICalled":
        return [str(told["args"])]
    return []


def _message(answers: Any) -> bytes:
    said = b""
    while not said.endswith(b"\0"):
        byte = answers.read(1)
        assert byte, "the browser ended"
        said += byte
    return said[:-1]
