"""Cached, resumable stages: a stage is skipped when its finished folder, named by a hash of its settings, exists."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

Progress = Callable[[str, float, float | None], None]


class Report(Protocol):
    """What a stage calls with the share that is done, 0 to 1, and perhaps a word on how it goes."""

    def __call__(self, share: float, note: str = "") -> None: ...


class CachedSteps:
    """The stages of one training run under a work folder.

    Each stage writes into `<name>-<hash>.partial`, which is renamed when the stage is done. An interrupted stage finds
    its partial folder again and may go on from what is there. The hash covers the settings of the stage and the hash of
    every stage it is built on.

    Args:
        work_dir: made if it does not exist; safe to delete as a whole.
        on_progress: called as `on_progress(step, done, total)`; here the share done of 1.
    """

    def __init__(self, work_dir: Path, on_progress: Progress | None = None) -> None:
        self._work_dir = work_dir
        self._on_progress = on_progress
        self._hashes: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def run(
        self,
        name: str,
        settings: Mapping[str, Any],
        build: Callable[[Path, Report], None],
        *,
        after: tuple[str, ...] = (),
    ) -> Path:
        """The finished folder of a stage, made by `build(folder, report)` unless it is there already."""
        text = json.dumps([settings, [self._hashes[stage] for stage in after]], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        self._hashes[name] = digest
        done = self._work_dir / f"{name}-{digest}"

        def report(share: float, note: str = "") -> None:
            if self._on_progress is not None:
                self._on_progress(f"{name} {note}" if note else name, share, 1.0)

        if not done.is_dir():
            partial = done.with_name(done.name + ".partial")
            partial.mkdir(parents=True, exist_ok=True)
            started = time.perf_counter()
            try:
                build(partial, report)
            finally:
                # An interrupted stage has taken its time too.
                self._count_time(partial, time.perf_counter() - started)
            partial.rename(done)
        self.seconds[name] = float(json.loads((done / "seconds.json").read_text()))
        report(1.0)
        return done

    @staticmethod
    def _count_time(folder: Path, seconds: float) -> None:
        path = folder / "seconds.json"
        before = json.loads(path.read_text()) if path.exists() else 0.0
        path.write_text(json.dumps(round(before + seconds, 1)))
