"""`compare`: two models, settings or saved results on identical input, parity first and speed after it."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from videobert.base.arguments import flag, local_path, one_of, whole
from videobert.base.cpu_threads import thread_limit
from videobert.base.errors import MismatchError, UsageError, VideoBertError
from videobert.base.limits import Limits, limits_or_default
from videobert.bench.compare_saved import compare_saved
from videobert.bench.film import made_film
from videobert.bench.keep_layers import layers_to_keep
from videobert.bench.layer_walk import layers_apart, why_not
from videobert.bench.measure import VERBS
from videobert.bench.opened_model import opened_model
from videobert.bench.other_python import checked_python, compare_beside
from videobert.bench.pairs import FEWEST_PAIRS, time_pairs
from videobert.bench.parity import parity_of
from videobert.bench.recorded_calls import Call, RecordedCalls
from videobert.bench.shares import equal_answers, equal_nearest, equal_tokens
from videobert.bench.side_words import AskedSide, parse_side
from videobert.bench.stage_differences import Opened, StageFound, compare_stage
from videobert.bench.tolerance import RULE, lower_of
from videobert.model.folder import ModelFolder
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs
from videobert.results.compare import Apart, Comparison, KeptStage, Share, Side
from videobert.results.run import Report
from videobert.runtime import Runtime

_CLIP: Final = "clip.mp4"
# Answers to a question that are asked for: as many as are compared.
_TOP: Final = 5
_MOST_PAIRS: Final = 10_000
_PAIRS: Final = 10
# Enough to tell a tenth.
_PAIRS_BESIDE: Final = 30
_CALLS_TO_KEEP_BY: Final = 2
Told = Callable[[str], None]


class _Loaded(NamedTuple):
    asked: AskedSide
    opened: Opened
    model: Runtime

    def side(self) -> Side:
        origin = self.model.origin
        names = ("model", "weights", "engine", "device", "precision", "fallback")
        return Side(name=self.asked.name, **{name: getattr(origin, name) for name in names})


def compare(
    a: str | Path,
    b: str | Path,
    video: str | Path | None = None,
    *,
    film: str | None = None,
    runs: int | None = None,
    speed: bool = True,
    layers: bool = False,
    beside: str | Path | None = None,
    verb: str = "run",
    stride: int | None = None,
    track: int | None = None,
    limits: Limits | None = None,
    threads: int | None = None,
    cache_dir: str | Path | None = None,
    on_step: Told | None = None,
) -> Comparison:
    """How far B may stand for A, and how fast it is: two engines, precisions, folders or saved results.

    Every stage of B is given the very inputs that A's had on the video. The first stage beyond its tolerance is walked
    through layer by layer. Where parity is not given, no speed is measured.

    Args:
        a, b: a model's name or folder, with an engine, a precision or a device behind colons, such as `"shapes:fp32"`
            or `"my-model:torch:cuda"`; or both a file that `bench`, `run` or `tokens` wrote.
        video: a file; None is the clip of A's folder.
        film: in place of a video, the size of a film that is made, such as `"854x480x20"`.
        runs: pairs of answers whose times are compared, 5 or more; 10 if not given, 30 with `beside`.
        speed: whether they are.
        layers: look for the layers that are worth a higher precision than the lower one of the two.
        beside: the Python of another environment, whose videobert, of any release that has these verbs, answers as A; B
            is this one's. No stages are compared then, and parity is judged by what `run` says, whatever is timed.
        verb: what is timed: `"run"`, `"tokens"`, `"features"` or `"embed"`.
        stride, track: see `Runtime`.
        limits, threads, cache_dir: see `load`; of both.
        on_step: hears what is being done.

    Raises:
        UsageError: a side, a verb or a size that is not known, or a file against a model.
        MismatchError: the two read videos differently, or two files measured different things.
        VideoBertError: a model cannot be loaded, or the video not be read.
    """
    told = on_step or (lambda doing: None)
    one_of("verb", verb, VERBS)
    if runs is None:
        runs = _PAIRS if beside is None else _PAIRS_BESIDE
    runs = whole("runs", runs, least=FEWEST_PAIRS, most=_MOST_PAIRS, allowed=f"{FEWEST_PAIRS} or more", fix="Ask more.")
    speed, layers = flag("speed", speed), flag("layers", layers)
    asked = parse_side(a), parse_side(b)
    if all(side.saved for side in asked):
        if layers:
            raise UsageError("saved results have no layers", seen=f"{a} and {b}", fix="Give two models.")
        if beside is not None:
            raise UsageError("two saved results need no other environment", seen=str(beside), fix="Leave it out.")
        if video is not None or film is not None:
            raise UsageError("two saved results need no video", seen=str(video or film), fix="Leave it out.")
        return compare_saved(*(side.saved for side in asked if side.saved))
    if any(side.saved for side in asked):
        raise UsageError(
            "a saved result can be compared with another one alone",
            seen=f"{a} and {b}",
            fix="Save the other result too, or give two models.",
        )
    if video is not None and film is not None:
        raise UsageError("a video and a film to be made are given", seen=str(video), fix="Give one of them.")
    if beside is not None:
        python = checked_python(local_path("beside", beside))
        if layers:
            raise UsageError("another environment shows no layers", seen=str(beside), fix="Leave one of them out.")
        if limits is not None:
            raise UsageError("another environment keeps its own limits", seen="limits", fix="Leave them out.")
        folder = ModelFolder(str(asked[0].model))
        given = {
            "options": {
                "threads": thread_limit(threads),
                **({} if cache_dir is None else {"cache_dir": str(cache_dir)}),
            },
            "reading": {"stride": stride or folder.recipe.stride, "track": track},
        }
        with tempfile.TemporaryDirectory(prefix="videobert-compare-") as scratch_folder:
            path = _video(video, film, folder, Path(scratch_folder), told)
            told("two environments in turns")
            return compare_beside(python, asked, path, verb, given=given, runs=runs if speed else 0)
    options = {
        "limits": limits_or_default(limits),
        "threads": threads,
        "cache_dir": None if cache_dir is None else local_path("cache_dir", cache_dir),
    }
    with ExitStack() as stack:
        one, other = (stack.enter_context(_loaded(side, options, told)) for side in asked)
        _check_same_clips(one.opened.folder, other.opened.folder)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videobert-compare-")))
        path = _video(video, film, one.opened.folder, scratch, told)
        reading = {"stride": stride, "track": track}
        return _Compared(one, other, path, reading, told).all(runs if speed else 0, verb, layers=layers)


@contextmanager
def _loaded(asked: AskedSide, options: dict[str, Any], told: Told) -> Iterator[_Loaded]:
    told(f"loading {asked.name}")
    with opened_model(str(asked.model), {**options, **asked.options}) as (folder, engine, model):
        yield _Loaded(asked, Opened(folder, engine), model)


def _check_same_clips(a: ModelFolder, b: ModelFolder) -> None:
    if a.recipe.clip_hash != b.recipe.clip_hash:
        raise MismatchError(
            "these two models make other clips of a video, so there is no identical input",
            seen=f"recipe {b.recipe.clip_hash}",
            allowed=a.recipe.clip_hash,
            fix="Compare their answers: save both with `videobert run --json`, and give the two files.",
        )


def _video(video: str | Path | None, film: str | None, folder: ModelFolder, scratch: Path, told: Told) -> Path:
    if film is not None:
        return made_film(film, scratch, told)
    if video is not None:
        return local_path("video", video)
    if _CLIP not in folder:
        raise UsageError("no video given", seen="a model without a clip of its own", fix="Name a video, or --film.")
    return folder.verified_path(_CLIP)


class _Compared:
    """Two loaded models and a video."""

    def __init__(self, a: _Loaded, b: _Loaded, video: Path, reading: dict[str, Any], told: Told) -> None:
        self._a, self._b, self._video, self._told = a, b, video, told
        # What a model does not say itself both do as A does.
        stride = reading["stride"] or a.opened.folder.recipe.stride
        self._reading = {**reading, "stride": stride}
        self._notes: list[str] = []
        folder = a.opened.folder
        self._specs = {spec.name: spec for spec in stage_specs(folder.config, folder.recipe) if not spec.gpu_only}

    def all(self, runs: int, verb: str, *, layers: bool) -> Comparison:
        single = frozenset(spec.name for spec in self._specs.values() if spec.one_at_a_time)
        heard = RecordedCalls(single), RecordedCalls(single)
        reports = [self._report(each, calls) for each, calls in zip((self._a, self._b), heard, strict=True)]
        made = self._made_calls()
        calls = {**made, **heard[0].calls}
        stages = self._stages(calls)
        self._note_made([name for name in calls if name not in heard[0].calls and name in self._specs])
        beyond = next((each for each in stages if not each.apart.agrees), None)
        apart = self._layers(beyond)
        tokens, top5, answers = self._agreement(reports, heard)
        rows = tuple(each.apart for each in stages)
        parity = parity_of(rows, tokens, answers)
        keep = self._keep(stages, calls) if layers else ()
        found = Comparison(
            a=self._a.side(),
            b=self._b.side(),
            video=self._video.name,
            stages=rows,
            first_stage=None if beyond is None else beyond.spec.name,
            layers=apart,
            first_layer=apart[0].name if apart else None,
            tolerance=RULE,
            tokens=tokens,
            top5=top5,
            answers=answers,
            parity=parity,
            keep=keep,
        )
        return self._timed(found, runs, verb)

    def _report(self, side: _Loaded, calls: RecordedCalls) -> Report:
        self._told(f"{side.asked.name} on {self._video.name}")
        with calls.of(side.opened.engine):
            return side.model.run(self._video, top=_TOP, **self._reading)

    def _made_calls(self) -> dict[str, list[Call]]:
        """What A's stages say of made-up inputs: for those that the report did not need."""
        made = RecordedCalls(frozenset())
        with made.of(self._a.opened.engine):
            self._a.model.warmup()
        return made.calls

    def _note_made(self, names: Sequence[str]) -> None:
        if names:
            self._notes.append(f"compared on made-up inputs, since the report asks them nothing: {', '.join(names)}")

    def _stages(self, calls: dict[str, list[Call]]) -> list[StageFound]:
        a, b = self._a.opened, self._b.opened
        theirs = {spec.name: spec for spec in stage_specs(b.folder.config, b.folder.recipe)}
        found = []
        for name, spec in self._specs.items():
            if name not in calls:
                continue
            if name not in theirs:
                self._notes.append(f"{self._b.asked.name} has no {name}")
                continue
            self._told(f"stage {name}")
            try:
                found.append(compare_stage(spec, a, b, calls[name]))
            except VideoBertError as error:
                self._notes.append(f"{name} could not be compared: {error}")
        return found

    def _layers(self, beyond: StageFound | None) -> tuple[Apart, ...]:
        if beyond is None:
            return ()
        a, b = self._a.opened, self._b.opened
        reason = why_not(beyond.spec, a, b)
        if reason is not None:
            self._notes.append(reason)
            return ()
        self._told(f"layers of {beyond.spec.name}")
        found = layers_apart(beyond.spec, a, b, beyond.worst)
        if not found:
            self._notes.append(f"no layer of {beyond.spec.name} is beyond tolerance when each is looked at alone")
        return found

    def _agreement(
        self, reports: Sequence[Report], heard: Sequence[RecordedCalls]
    ) -> tuple[Share | None, Share | None, Share | None]:
        ours, theirs = reports
        answers, best = equal_answers(ours.segments, theirs.segments)
        tokens = equal_tokens(*([token for each in report.segments for token in each.tokens] for report in reports))
        if not self._a.opened.folder.has_codebook or not self._a.opened.folder.config.has_tokens:
            return tokens, best, answers
        one, other = (next(iter(calls.singles.values()), {}) for calls in heard)
        same = [key for key in one if key in other]
        if not same:
            return tokens, best, answers
        features = [np.concatenate([side[key].reshape(1, -1) for key in same]) for side in (one, other)]
        nearest, top5 = equal_nearest(features[0], features[1], self._a.model.codebook.leaves)
        return tokens or nearest, top5, answers

    def _keep(self, stages: Sequence[StageFound], calls: dict[str, list[Call]]) -> tuple[KeptStage, ...]:
        """Of the stages beyond tolerance, or where none is, of all that low precision is for."""
        a, b = self._a.opened, self._b.opened
        beyond = [each for each in stages if not each.apart.agrees] or list(stages)
        found = []
        for each in beyond:
            spec: StageSpec = each.spec
            lower = lower_of(a.precision_of(spec), b.precision_of(spec))
            if lower == "fp32" or spec.keeps_fp32:
                continue
            self._told(f"layers of {spec.name} worth keeping")
            kept = layers_to_keep(spec, a.folder, calls[spec.name][:_CALLS_TO_KEEP_BY], lower)
            if kept is not None:
                found.append(kept)
        if not found:
            self._notes.append("nothing to keep in a higher precision: every stage that was compared is in fp32")
        return tuple(found)

    def _timed(self, found: Comparison, runs: int, verb: str) -> Comparison:
        if runs and found.parity is False:
            self._notes.append("no speed: B does not give what A gives")
        if not runs or found.parity is False:
            return dataclasses.replace(found, notes=tuple(self._notes))
        self._told(f"{runs} pairs of answers")
        asks = [partial(getattr(side.model, verb), self._video, **self._reading) for side in (self._a, self._b)]
        speed, noise = time_pairs(asks[0], asks[1], runs)
        return dataclasses.replace(found, speed=speed, noise=noise, notes=tuple(self._notes))
