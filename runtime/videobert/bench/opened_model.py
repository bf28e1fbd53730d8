"""A loaded model with its folder and its engine in hand, for what looks inside of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from videobert.base.limits import limits_or_default
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.selection import open_engine
from videobert.model.folder import ModelFolder
from videobert.runtime import Runtime

_OF_ENGINE: Final = ("precision", "hint", "threads", "cache_dir", "rebuild_engines", "trust_engines")


class InHand(NamedTuple):
    """What `load` keeps to itself."""

    folder: ModelFolder
    engine: Engine
    model: Runtime


@contextmanager
def opened_model(name_or_folder: str | Path, options: Mapping[str, Any]) -> Iterator[InHand]:
    """As `videobert.load`, closed at the end.

    Args:
        options: of `load`; the decoder is the engine's own.
    """
    folder = ModelFolder(name_or_folder)
    of_engine = {name: options[name] for name in _OF_ENGINE if name in options}
    engine = open_engine(
        folder,
        engine=options.get("engine", "auto"),
        device=options.get("device", "auto"),
        options=EngineOptions(**of_engine),
    )
    try:
        engine.prepare()
        model = Runtime(
            folder,
            engine,
            limits_or_default(options.get("limits")),
            threads=options.get("threads"),
            decoder_threads=options.get("decoder_threads"),
        )
    except BaseException:
        engine.close()
        raise
    with model:
        yield InHand(folder, engine, model)
