"""A plugin of pytest: chooses tests by the precision they compute in, and tells of each as soon as it is over.

`-p benchmarks.gpu.told_tests --told FILE --precision half|rest|any`. Names of parameters do not say what dtype they
are, so the choice is by their values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_HALF = {"torch.float16", "torch.bfloat16", "fp16", "bf16"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Its two options."""
    parser.addoption("--told", help="a line of JSON is added for each test that is over")
    parser.addoption("--precision", choices=["half", "rest", "any"], default="any")


def in_half(item: pytest.Item) -> bool:
    """Whether a test computes in fp16 or bf16, or is one of those that only a GPU can run."""
    if item.get_closest_marker("needs_cuda"):
        return True
    given = getattr(item, "callspec", None)
    return given is not None and any(str(value) in _HALF for value in given.params.values())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the others out; where nothing is to run, tell of all that would."""
    which = config.getoption("--precision")
    chosen = [item for item in items if which == "any" or in_half(item) == (which == "half")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
    if config.option.collectonly:
        for item in items:
            _tell(config, {"test": item.nodeid, "outcome": "collected"})


class _Teller:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._worst: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test's outcome is that of its call, unless what is before or after it fails or skips it."""
        before = self._worst.get(report.nodeid, "passed")
        self._worst[report.nodeid] = before if before == "failed" or report.outcome == "passed" else report.outcome
        if report.when == "teardown":
            _tell(self._config, {"test": report.nodeid, "outcome": self._worst.pop(report.nodeid)})


def pytest_configure(config: pytest.Config) -> None:
    """Listen to what becomes of tests; where several processes run them, in the one that hears of all."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Teller(config))


def _tell(config: pytest.Config, line: dict[str, str]) -> None:
    path: str | None = config.getoption("--told")
    if path is not None:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
