"""Every stage of a model folder on named arrays: `check_folder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import local_path, one_of, whole
from videobert.base.errors import InputError
from videobert.check.agreement import differences
from videobert.check.array_file import read_arrays
from videobert.check.given import Given
from videobert.check.ranges import Ranges
from videobert.check.run_stages import Found, StageRun, check_ran
from videobert.check.seeded import seeded
from videobert.engines.base import EngineOptions
from videobert.engines.selection import ENGINES, open_engine
from videobert.model.folder import ModelFolder
from videobert.model.precision import Precision
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_spec, stage_specs
from videobert.results.check import Check, Difference, EngineUsed

# The reference first.
BOTH = ("torch", "openvino")
_MOST_SEED = 2**32 - 1
Arrays = Mapping[str, npt.NDArray[Any]]


def check_folder(
    name_or_folder: str | Path,
    inputs: str | Path | Arrays | None = None,
    *,
    engine: str | None = None,
    stage: str | None = None,
    device: str = "auto",
    precision: Precision = "fp32",
    seed: int = 0,
    cache_dir: str | Path | None = None,
) -> Check:
    """Run every stage of a model on named arrays, and tell what came out.

    Inputs are called as `docs/model-folder.md` calls them: `STAGE.NAME`, or `NAME` for every stage that takes one of
    that name. Lengths may be told by a mask, 1 for a real place. An input that was not given comes from an earlier
    stage where one gives it. A stage that still lacks something is not run, and told among the rest.

    Args:
        name_or_folder: a model's name or a model folder.
        inputs: the path of a `.npz` file, or arrays by name; None makes them from `seed`, for each stage by itself.
        engine: what runs the stages; None runs them on torch and on openvino and compares the two.
        stage: run this one alone, with the earlier ones that it needs.
        device, cache_dir: see `videobert.load`.
        precision: of the arithmetic; only fp32 is held to anything where engines are compared.
        seed: 0 or more.

    Raises:
        InputError: an array is not known or does not fit, or the one stage lacks an input.
        LimitExceeded: the file of arrays is too large.
        ModelError: the folder is missing something or damaged, or has no such stage.
        EngineUnavailable: an engine cannot run here.
        UsageError: an option that is not known.
    """
    if engine is not None:
        one_of("engine", engine, ENGINES[1:])
    seed = whole("seed", seed, least=0, most=_MOST_SEED, allowed=f"0 to {_MOST_SEED}", fix="Choose another.")
    place = local_path("name_or_folder", name_or_folder)
    folder = ModelFolder(name_or_folder if isinstance(name_or_folder, str) else place)
    specs = stage_specs(folder.config, folder.recipe)
    asked = specs if stage is None else (stage_spec(stage, folder.config, folder.recipe),)
    arrays = _arrays(inputs, asked, Ranges(folder.config), seed)
    given = Given(arrays, specs)
    options = EngineOptions(
        precision=precision, cache_dir=None if cache_dir is None else local_path("cache_dir", cache_dir)
    )
    runs: list[tuple[EngineUsed, Found]] = []
    for name in BOTH if engine is None else (engine,):
        opened = open_engine(folder, engine=name, device=device, options=options)
        try:
            run = StageRun(folder, opened, specs, beside=bool(runs))
            found = run.run(given, [spec.name for spec in asked])
            used = EngineUsed(
                engine=opened.name, device=opened.device, precision=opened.precision, fallback=opened.fallback
            )
        finally:
            opened.close()
        # Pixels have no second engine, and what comes of them needs none.
        if not runs or given.pixels is None:
            check_ran(found, stage)
        runs.append((used, found))
    return _check(folder, runs, given.notes, seed=seed if inputs is None else None)


def _arrays(
    inputs: str | Path | Arrays | None, asked: Sequence[StageSpec], ranges: Ranges, seed: int
) -> dict[str, npt.NDArray[Any]]:
    if inputs is None:
        return seeded((spec for spec in asked if not spec.gpu_only), ranges, seed)
    if not isinstance(inputs, Mapping):
        return read_arrays(local_path("inputs", inputs))
    for name, array in inputs.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.hasobject:
            raise InputError(
                "inputs must be arrays by name", seen=f"{name!r}: {type(array).__name__}", allowed="numpy arrays"
            )
    return dict(inputs)


def _check(folder: ModelFolder, runs: list[tuple[EngineUsed, Found]], notes: list[str], *, seed: int | None) -> Check:
    (first, reference), *others = runs
    arrays = reference.inputs | reference.outputs
    apart: tuple[Difference, ...] = ()
    for used, other in others:
        judged = first.precision == used.precision == "fp32"
        apart = differences(reference, other, judged=judged)
        arrays |= {f"{used.engine}/{name}": array for name, array in other.outputs.items()}
        notes = [
            *notes,
            *(
                f"{stage.name} was not run on {used.engine}: {stage.reason}"
                for stage, own in zip(other.stages, reference.stages, strict=True)
                if own.ran and not stage.ran
            ),
        ]
    asked = [each.agrees for each in apart if each.agrees is not None]
    return Check(
        model=folder.config.name,
        weights=folder.hash,
        recipe=folder.recipe.hash,
        engines=tuple(used for used, _ in runs),
        seed=seed,
        stages=tuple(reference.stages),
        differences=apart,
        agree=all(asked) if asked else None,
        notes=tuple(notes),
        arrays=arrays,
    )
