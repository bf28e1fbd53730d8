"""One path over `tensorrt` (10.14 and later, 11) and `tensorrt_rtx`: the names that all of them have, and the branches.

Nothing is imported before it is asked for: without its libraries the import fails, and without a driver some calls
end the process, so only the builder's child process goes further than the version.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import Any

from videobert.base.errors import EngineUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """A library that builds engines.

    Args:
        target: what `videobert build --target` calls it.
        module: name of the Python module.
        distributions: names under which it is installed.
        extra: extra of this package that installs it.
    """

    target: str
    module: str
    distributions: tuple[str, ...]
    extra: str

    @property
    def lists_targets(self) -> bool:
        """Whether an engine is for listed compute capabilities; else it is for the GPU of the building machine."""
        return self.module == "tensorrt_rtx"

    def version(self) -> str:
        """The installed version, without importing the library.

        Raises:
            EngineUnavailable: it is not installed.
        """
        try:
            found = importlib.util.find_spec(self.module) is not None
        except (ImportError, ValueError):
            found = False
        for name in self.distributions:
            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
            if found:
                return version
        raise EngineUnavailable(
            f"engines for {self.target} cannot be built here: the Python package {self.module!r} is not installed",
            fix=f"Run `pip install 'videobert[{self.extra}]'`.",
        )

    def load(self) -> ModuleType:
        """The library.

        Raises:
            EngineUnavailable: it is not installed, or its own libraries are missing.
        """
        try:
            return importlib.import_module(self.module)
        except (ImportError, OSError) as error:
            raise EngineUnavailable(
                f"the Python package {self.module!r} does not load",
                seen=str(error),
                fix=f"Run `pip install --force-reinstall 'videobert[{self.extra}]'`.",
            ) from error


RTX = Flavour(
    target="tensorrt-rtx",
    module="tensorrt_rtx",
    distributions=("tensorrt-rtx-cu13", "tensorrt-rtx-cu12", "tensorrt-rtx"),
    extra="tensorrt-rtx",
)
CLASSIC = Flavour(
    target="tensorrt",
    module="tensorrt",
    distributions=("tensorrt-cu13", "tensorrt-cu12", "tensorrt"),
    extra="tensorrt",
)
FLAVOURS = {flavour.target: flavour for flavour in (RTX, CLASSIC)}


def installed_flavours() -> dict[str, str]:
    """Versions of the libraries that are installed, by target.

    Raises:
        EngineUnavailable: none is.
    """
    versions, reasons = {}, []
    for flavour in FLAVOURS.values():
        try:
            versions[flavour.target] = flavour.version()
        except EngineUnavailable:
            reasons.append(flavour.module)
    if not versions:
        raise EngineUnavailable(
            "the tensorrt engine cannot run",
            seen=f"no Python package {' or '.join(reasons)}",
            fix=f"Run `pip install 'videobert[{RTX.extra}]'`, in a data centre 'videobert[{CLASSIC.extra}]'.",
        )
    return versions


def major(version: str) -> int:
    """The first number of a version."""
    return int(version.partition(".")[0])


def takes_lengths(flavour: Flavour, version: str) -> bool:
    """Whether attention can be given key lengths; TensorRT 10 needs a mask."""
    return flavour.lists_targets or major(version) >= 11


def aim(trt: Any, config: Any, targets: tuple[str, ...]) -> None:
    """List the compute capabilities in a TensorRT-RTX builder configuration.

    Raises:
        ValueError: the library refuses one.
    """
    config.num_compute_capabilities = len(targets)
    for index, target in enumerate(targets):
        name = f"SM{target.replace('.', '')}"
        capability = getattr(trt.ComputeCapability, name, None)
        if capability is None or not config.set_compute_capability(capability, index):
            raise ValueError(f"target {target} was refused")
