"""The compiled kernels of a model folder, for a GPU that is here."""

from __future__ import annotations

from pathlib import Path

from videobert.base.errors import ModelError
from videobert.cuda.cubin_library import CubinLibrary, target_of
from videobert.cuda.driver import CudaDriver
from videobert.cuda.kernels_sidecar import SIDECAR
from videobert.model.compiled_places import compiled_folders, first_loadable
from videobert.model.folder import ModelFolder


def has_model_kernels(driver: CudaDriver, folder: ModelFolder) -> bool:
    """Whether the folder, or the user's cache, has compiled kernels for this GPU."""
    return any((place / SIDECAR).exists() for place in compiled_folders(folder, target_of(driver.capability)))


def open_model_kernels(model: ModelFolder, driver: CudaDriver, *, trusted: bool = False) -> CubinLibrary:
    """What `videobert build --target cuda-smNN` wrote for the driver's device, in the folder or the user's cache.

    Raises:
        ModelError: there is nothing, or what is there may not be loaded; see `CubinLibrary`.
    """
    target = target_of(driver.capability)

    def load(place: Path) -> CubinLibrary | None:
        return CubinLibrary(driver, place, trusted=trusted) if (place / SIDECAR).exists() else None

    library = first_loadable(compiled_folders(model, target), load)
    if library is None:
        raise ModelError(
            "this model has no compiled kernels for this GPU",
            seen=f"{driver.device_name}, {target}",
            fix=f"Run `videobert build {model.root.name} --target {target}` on any machine with torch and Triton.",
        )
    return library
