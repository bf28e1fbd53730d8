"""The videobert of another environment and this one, asked in turns: whether a change made something slower.

The speed of a machine drifts by some per cent within a minute, whatever runs on it, so that two measurements one after
the other say little of less than a quarter. Answer by answer in turns both sides have the same weather.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from videobert.base.arguments import described
from videobert.base.errors import DeviceError, MismatchError, UsageError
from videobert.bench.noise import NoiseProbe
from videobert.bench.pairs import time_pairs
from videobert.bench.parity import parity_of
from videobert.bench.saved_results import segments_of
from videobert.bench.shares import equal_answers, equal_tokens
from videobert.bench.side_words import AskedSide
from videobert.results.compare import Comparison, Side
from videobert.results.run import ReportSegment

_LONGEST_S: Final = 600
_TOP: Final = 5
# On a machine that is quiet most of the time one in three measurements is not; under load none is.
_TRIES: Final = 3
_SIDE: Final = ("model", "weights", "engine", "device", "precision", "fallback")
# What would make another interpreter import this environment's packages in place of its own.
_OF_THIS_PYTHON: Final = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")

# Run by itself, by any release: nothing but the public interface. What a library prints goes to stderr.
_PROGRAM: Final = """
import json, os, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
def tell(value):
    print(json.dumps(value), file=out, flush=True)
import videobert
asked = json.loads(sys.argv[1])
def row(segment):
    return {
        "start_s": float(segment.start_s),
        "end_s": float(segment.end_s),
        "answers": {name: [{"text": each.text} for each in found] for name, found in segment.answers.items()},
        "unsure": list(segment.unsure),
        "tokens": [int(each) for each in segment.tokens],
    }
with videobert.load(asked["model"], **asked["options"]) as model:
    told = {name: getattr(model.origin, name, None) for name in asked["names"]}
    tell({"videobert": videobert.__version__, "clip_hash": model.recipe.clip_hash, "side": told})
    for line in sys.stdin:
        if line == "report\\n":
            report = model.run(asked["video"], top=asked["top"], **asked["reading"])
            tell([row(each) for each in report.segments])
        else:
            getattr(model, asked["verb"])(asked["video"], **asked["reading"])
            tell(None)
"""


def checked_python(python: Path) -> Path:
    """An interpreter by its place; not followed to what it links to, for an environment is where its Python stands.

    Raises:
        UsageError: there is none.
    """
    found = Path(os.path.abspath(python))
    if not os.path.isfile(found) or not os.access(found, os.X_OK):
        raise _no_python(str(python))
    return found


def _no_python(seen: str) -> UsageError:
    return UsageError(
        "there is no such Python",
        seen=seen,
        allowed="the interpreter of another environment",
        fix="For example: --beside ../old/.venv/bin/python.",
    )


def compare_beside(
    python: Path, sides: tuple[AskedSide, AskedSide], video: Path, verb: str, *, given: Mapping[str, Any], runs: int
) -> Comparison:
    """B, answered by this videobert, judged by A, which that of another interpreter answers.

    Args:
        python: the interpreter of the other environment, see `checked_python`.
        sides: A and B: models, not files.
        video: a file.
        verb: what is timed.
        given: `options`, of `load`, and `reading`, of the verb.
        runs: pairs of answers whose times are compared; 0 for none.

    Raises:
        UsageError: this is no program.
        MismatchError: the two read videos differently.
        DeviceError: one of them could not answer; what it said is in the error.
    """
    # A folder of that name where the caller stands is not what either environment has.
    here = {**os.environ, "PYTHONSAFEPATH": "1"}
    there = {name: value for name, value in here.items() if name not in _OF_THIS_PYTHON}
    pythons = (python, there), (Path(sys.executable), here)
    with ExitStack() as stack:
        a, b = (
            stack.enter_context(_Answering(each, environment, side, video, verb, given))
            for (each, environment), side in zip(pythons, sides, strict=True)
        )
        if a.clip_hash != b.clip_hash:
            raise MismatchError(
                "these two make other clips of a video, so there is no identical input",
                seen=f"recipe {b.clip_hash}",
                allowed=a.clip_hash,
                fix="Compare their answers: save both with `videobert run --json`, and give the two files.",
            )
        said = a.report(), b.report()
        answers, best = equal_answers(*said)
        one, other = ([token for each in segments for token in each.tokens] for segments in said)
        tokens = equal_tokens(one, other)
        parity = parity_of((), tokens, answers)
        notes = [f"A is answered by videobert {a.version} of {python}, B by {b.version} of this one, in turns"]
        # What one leaves out the shares say nothing of.
        for name, counts in (("segments", tuple(map(len, said))), ("tokens", (len(one), len(other)))):
            if counts[0] != counts[1]:
                parity = False
                notes.append(f"A gives {counts[0]} {name}, B {counts[1]}")
        found = Comparison(
            a=a.side, b=b.side, video=video.name, tokens=tokens, top5=best, answers=answers, parity=parity
        )
        if runs and parity is None:
            notes.append(
                "no speed: `run` gives neither tokens nor answers here, so that nothing says whether B is right"
            )
        elif runs and not parity:
            notes.append("no speed: B does not give what A gives")
        elif runs:
            tries = 0
            while tries < _TRIES and (found.noise is None or not found.noise.quiet):
                tries += 1
                speed, noise = time_pairs(a.ask, b.ask, runs, NoiseProbe(children=(a.pid, b.pid)))
                found = dataclasses.replace(found, speed=speed, noise=noise)
            if tries > 1:
                notes.append(f"measured {tries} times: the machine was not quiet before; the last time counts")
    return dataclasses.replace(found, notes=tuple(notes))


class _Answering:
    """A process with a loaded model that answers when it is asked; ended when the context is left."""

    def __init__(
        self,
        python: Path,
        environment: Mapping[str, str],
        side: AskedSide,
        video: Path,
        verb: str,
        given: Mapping[str, Any],
    ) -> None:
        asked = {
            "model": side.model,
            "options": {**given["options"], **side.options},
            "video": str(video),
            "verb": verb,
            "reading": given["reading"],
            "names": _SIDE,
            "top": _TOP,
        }
        self._python = python
        self._late = False
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (closed with the process)
        try:
            self._process = subprocess.Popen(
                [str(python), "-c", _PROGRAM, json.dumps(asked)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                encoding="utf-8",
                errors="replace",
                env=environment,
            )
        except OSError as error:
            self._said.close()
            raise _no_python(f"{python}: {error.strerror}") from error
        self.pid = self._process.pid
        try:
            hello = self._reply()
            try:
                self.version, self.clip_hash = str(hello["videobert"]), str(hello["clip_hash"])
                self.side = Side(name=side.name, **{name: hello["side"].get(name) for name in _SIDE})
            except (KeyError, TypeError, AttributeError) as error:
                raise self._silent(described(hello)) from error
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> _Answering:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def ask(self) -> None:
        """One answer."""
        self._tell("answer")

    def report(self) -> tuple[ReportSegment, ...]:
        """What it says of the whole video."""
        return segments_of(self._python, self._tell("report"))

    def _tell(self, word: str) -> Any:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(f"{word}\n")
                stdin.flush()
        except BrokenPipeError:
            pass  # It ended: the reply, which does not come, says why.
        return self._reply()

    def _reply(self) -> Any:
        watch = threading.Timer(_LONGEST_S, self._end_late)
        watch.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout is not None else ""
        finally:
            watch.cancel()
        try:
            return json.loads(line)
        except ValueError as error:
            # One that says something else may go on for ever.
            self._process.kill()
            self._process.wait()
            self._said.seek(0)
            last = self._said.read().strip().rsplit("\n", 1)[-1] or line
            late = f"nothing for {_LONGEST_S:g} s" if self._late else ""
            raise self._silent(late or described(last)) from error

    def _end_late(self) -> None:
        self._late = True
        self._process.kill()

    def _silent(self, said: str) -> DeviceError:
        return DeviceError(
            "the videobert of an environment could not answer",
            seen=f"{self._python}: {said}",
            fix="Run the verb there by itself to see what is wrong.",
        )
