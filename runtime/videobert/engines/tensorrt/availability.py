"""Whether the tensorrt engine could run on this machine, asked in a process of its own: libraries are loaded for it."""

from __future__ import annotations

import json

from videobert.base.errors import EngineUnavailable
from videobert.cuda.choice import open_driver
from videobert.cuda.compute_capability import dotted
from videobert.engines.tensorrt.flavour import FLAVOURS, installed_flavours


def availability_json() -> str:
    """JSON: `version` and `devices`, or `why` not and the `fix`."""
    try:
        versions = installed_flavours()
        driver = open_driver()
        gpu = f"{driver.device_name} {dotted(driver.capability)} through {driver.name}"
        driver.close()
        for target in versions:
            FLAVOURS[target].load()
    except EngineUnavailable as error:
        why = error.what if error.seen is None else f"{error.what}: {error.seen}"
        return json.dumps({"why": why, "fix": error.fix})
    listed = ", ".join(f"{FLAVOURS[target].module} {version}" for target, version in versions.items())
    return json.dumps({"version": listed, "devices": [gpu, "needs engines: videobert build MODEL"]})
