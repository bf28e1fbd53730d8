"""A build backend (PEP 517) that builds nothing: it writes the name and version of an sdist and runs no code of it.

pip calls it in a process of its own, in the folder of the unpacked sdist, as `setuptools.build_meta:__legacy__`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NoReturn

_FIELD = re.compile(r"(Name|Version): ([A-Za-z0-9._+!-]{1,100})")
_MOST_BYTES = 1 << 20


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """What building needs: nothing, so nothing is fetched."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
    """Write a `.dist-info` with the name and the version that the sdist's `PKG-INFO` gives; return its name."""
    with open("PKG-INFO", encoding="utf-8", errors="replace") as file:
        lines = file.read(_MOST_BYTES).splitlines()
    found = {match[1]: match[2] for match in map(_FIELD.fullmatch, lines) if match}
    name, version = found["Name"], found["Version"]
    folder = Path(metadata_directory) / f"{re.sub('[-_.]+', '_', name)}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: videobert\nRoot-Is-Purelib: true\n", encoding="utf-8")
    return folder.name


def build_wheel(*arguments: object) -> NoReturn:
    """Never called for a download."""
    raise RuntimeError("only metadata is made here")


# The name that pip asks for where an sdist has no pyproject.toml.
__legacy__ = sys.modules[__name__]
