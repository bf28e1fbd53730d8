"""A browser without a window, driven over a pipe by the Chrome DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


class Tab:
    """One page that is open."""

    def __init__(self, ask: Any, session: str) -> None:
        self._ask, self._session = ask, session

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives in the page, as plain values."""
        given = self._ask(
            "Runtime.evaluate",
            {"expression": expression, "returnByValue": True},
            self._session,
        )
        assert "exceptionDetails" not in given, given
        return given["result"].get("value")

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._ask("Input.insertText", {"text": text}, self._session)


@contextmanager
def opened(page: Path, profile: Path) -> Iterator[Tab]:
    """The page in a browser with a profile of its own and no way to the network."""
    assert BROWSER is not None
    to_read, we_write = os.pipe()
    we_read, to_write = os.pipe()
    # The protocol's pipes are the files 3 and 4.
    command = ["bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", BROWSER, "--headless", "--no-sandbox"]
    command += ["--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "about:blank"]
    with subprocess.Popen(
        command, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(to_read)
        os.close(to_write)
        number = 0
        with os.fdopen(we_read, "rb", buffering=0) as answers, os.fdopen(we_write, "wb", buffering=0) as asks:

            def ask(method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
                nonlocal number
                number += 1
                said = {"id": number, "method": method, "params": parameters}
                asks.write(json.dumps(said | ({"sessionId": session} if session else {})).encode() + b"\0")
                while True:
                    given = json.loads(_message(answers))
                    if given.get("id") == number:
                        assert "error" not in given, given
                        return given["result"]

            try:
                target = ask("Target.createTarget", {"url": page.as_uri()})["targetId"]
                session = ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
                tab = Tab(ask, session)
                while tab.value("document.readyState") != "complete" or tab.value("location.href") == "about:blank":
                    pass
                yield tab
                ask("Browser.close", {})
            finally:
                process.kill()


def _message(answers: Any) -> bytes:
    said = b""
    while not said.endswith(b"\0"):
        byte = answers.read(1)
        assert byte, "the browser ended"
        said += byte
    return said[:-1]
