"""All stages of a model on one engine, one after the other, on what was given and on what earlier stages gave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.check.fit import check_bytes, takes_rows
from videobert.check.given import PIXELS, Given
from videobert.check.pixels import features_of_pixels
from videobert.check.ranges import Ranges
from videobert.engines.base import Engine, TakesPixels
from videobert.engines.checked_stages import CheckedStages
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.mending import IMPORT_AGAIN, command
from videobert.model.places import mean_of_places, real_places
from videobert.model.stage import Stage, StageSpec
from videobert.model.stage_links import RESTS_ON, VECTORS, Link, averaged_from, stage_links
from videobert.model.stage_lists import BACKBONE
from videobert.results.check import ArrayFacts, CheckedStage

Array = npt.NDArray[Any]
# Rows that a stage is given at a time, as everywhere.
_ROWS = 256
# And sequences, whose attention takes memory by the square of their length.
_SEQUENCES = 32


@dataclass(slots=True)
class Found:
    """What a run gave.

    Args:
        stages: one for each that was asked for, in order.
        inputs, outputs: by `STAGE.NAME`.
        real: of outputs that have places which may be padding: whether each is real, bool `(batch, places)`.
    """

    stages: list[CheckedStage] = field(default_factory=list)
    inputs: dict[str, Array] = field(default_factory=dict)
    outputs: dict[str, Array] = field(default_factory=dict)
    real: dict[str, Array] = field(default_factory=dict)

    def has(self, need: str) -> bool:
        """Whether an input or output is there."""
        return need in self.outputs or need in self.inputs

    def array(self, need: str) -> Array:
        """An input or output that is there."""
        return self.outputs[need] if need in self.outputs else self.inputs[need]


class StageRun:
    """Runs the stages of a folder on an engine.

    Args:
        folder: the model.
        engine: what runs them.
        specs: all stages of the model.
        beside: another engine runs what this one cannot, so that this is no error.
    """

    def __init__(
        self, folder: ModelFolder, engine: Engine, specs: Iterable[StageSpec], *, beside: bool = False
    ) -> None:
        self._folder, self._engine, self._beside = folder, engine, beside
        self._specs = {spec.name: spec for spec in specs}
        self._stages = CheckedStages(engine, self._specs.values())
        self._ranges = Ranges(folder.config)
        self._links: dict[tuple[Stage, str], list[Link]] = {}
        for link in stage_links(folder.config, folder.recipe):
            self._links.setdefault((link.stage, link.name), []).append(link)

    def run(self, given: Given, stages: Iterable[Stage]) -> Found:
        """Run stages, those that they need before them among them, in the order of the model.

        Raises:
            InputError: an array does not fit.
            ModelError: the engine cannot run a stage, or what it gives does not fit.
        """
        wanted = self._with_needed(given, stages)
        found = Found()
        for spec in self._specs.values():
            if spec.name in wanted:
                found.stages.append(self._run(spec, given, found))
        return found

    def _with_needed(self, given: Given, stages: Iterable[Stage]) -> set[Stage]:
        """The stages and all whose outputs they take, as far as these were not given."""
        wanted: set[Stage] = set()
        left = list(stages)
        while left:
            stage = left.pop()
            if stage in wanted:
                continue
            wanted.add(stage)
            spec = self._specs[stage]
            for tensor in spec.inputs:
                if given.has(spec, tensor):
                    continue
                for link in self._links.get((stage, tensor.name), []):
                    left += [need.partition(".")[0] for need in link.needs]
        return wanted

    def _run(self, spec: StageSpec, given: Given, found: Found) -> CheckedStage:
        untrained = self._is_untrained(spec.name)
        reason = self._reason_against(spec, given)
        if reason is not None:
            return CheckedStage(name=spec.name, ran=False, reason=reason, untrained=untrained)
        notes: list[str] = []
        if spec.name == BACKBONE and (pixels := given.pixels) is not None:
            inputs = {PIXELS: pixels}
            outputs, path = features_of_pixels(self._engine, spec, pixels, self._folder.recipe, notes)
        else:
            inputs = self._inputs(spec, given, found, notes)
            lacks = tuple(tensor.name for tensor in spec.inputs if tensor.name not in inputs)
            if lacks:
                return CheckedStage(
                    name=spec.name,
                    ran=False,
                    lacks=lacks,
                    reason=f"lacks {', '.join(lacks)}",
                    untrained=untrained,
                    notes=tuple(notes),
                )
            given.check_places(spec, inputs)
            outputs = self._outputs(spec, inputs)
            path = ", ".join(f"{tensor.name} {tensor.dtype}" for tensor in spec.inputs)
            self._keep_real(spec, inputs, outputs, found)
            self._add_means(spec, outputs, found, notes)
        named = [{f"{spec.name}.{name}": array for name, array in arrays.items()} for arrays in (inputs, outputs)]
        found.inputs |= named[0]
        found.outputs |= named[1]
        facts = [tuple(ArrayFacts.of(name, array) for name, array in arrays.items()) for arrays in named]
        return CheckedStage(
            name=spec.name,
            ran=True,
            path=path,
            untrained=untrained,
            inputs=facts[0],
            outputs=facts[1],
            notes=tuple(notes),
        )

    def _is_untrained(self, stage: Stage) -> bool:
        untrained = self._folder.config.untrained
        return stage in untrained or RESTS_ON.get(stage) in untrained

    def _reason_against(self, spec: StageSpec, given: Given) -> str | None:
        if spec.gpu_only:
            return "only engines on a GPU have it, inside of the search for visual tokens"
        pixels = spec.name == BACKBONE and given.pixels is not None
        if pixels and self._beside and not isinstance(self._engine, TakesPixels):
            return f"{PIXELS} go into the torch engine alone"
        if self._engine.name == "openvino" and portable_graph(spec.name) not in self._folder:
            root = self._folder.root
            seeing = self._folder.has_codebook or not self._folder.config.has_tokens
            if not seeing and self._folder.config.tokens_are_given:
                return f"the folder has no {portable_graph(spec.name)}. {IMPORT_AGAIN}"
            first = "" if seeing else f"{command('cluster VIDEOS --model', root)}, then "
            return f"the folder has no {portable_graph(spec.name)}: run {first}{command('build', root)}"
        return None

    def _inputs(self, spec: StageSpec, given: Given, found: Found, notes: list[str]) -> dict[str, Array]:
        """The inputs that are there, by name: those that were given, then those that follow from others."""
        inputs = {}
        for tensor in spec.inputs:
            array = given.of(spec, tensor, notes)
            if array is not None:
                inputs[tensor.name] = array
        for tensor in spec.inputs:
            if tensor.name in inputs:
                continue
            own = Found(inputs={f"{spec.name}.{name}": array for name, array in inputs.items()})
            for link in self._links.get((spec.name, tensor.name), []):
                holders = [next((each for each in (own, found) if each.has(need)), None) for need in link.needs]
                if None in holders:
                    continue
                needed = [holder.array(need) for holder, need in zip(holders, link.needs, strict=True) if holder]
                inputs[tensor.name] = np.ascontiguousarray(link.make(spec, *needed))
                notes.append(f"{tensor.name} from {link.needs[0]}: {link.how}")
                break
        return inputs

    def _outputs(self, spec: StageSpec, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """All outputs of a stage: item by item where it takes one at a time, others in blocks."""
        (first, *_) = spec.inputs
        self._check_outputs(spec, inputs)
        given = inputs[first.name]
        rows = takes_rows(first) and len(spec.inputs) == 1
        size = 1 if spec.one_at_a_time else _ROWS if rows else _SEQUENCES
        leading = given.shape[:-1] if rows else given.shape[:1]
        flat = {first.name: given.reshape(-1, given.shape[-1])} if rows else dict(inputs)
        blocks = [
            {name: array[start : start + size] for name, array in flat.items()}
            for start in range(0, len(flat[first.name]), size)
        ]
        found = [self._block(spec, block) for block in blocks]
        return {
            tensor.name: _together([each[tensor.name] for each in found]).reshape(
                *leading, *found[0][tensor.name].shape[1:]
            )
            for tensor in spec.outputs
        }

    def _check_outputs(self, spec: StageSpec, inputs: Mapping[str, Array]) -> None:
        """Refuse, before it is run, what would give more than a file of arrays may hold."""
        rows = takes_rows(spec.inputs[0]) and len(spec.inputs) == 1
        if rows:
            (given,) = inputs.values()
            sizes = {spec.batch: math.prod(given.shape[:-1])}
        else:
            sizes = spec.lengths_of(inputs)
        for tensor in spec.outputs:
            size = math.prod(tensor.shape_with(sizes)) * np.dtype(tensor.dtype).itemsize
            check_bytes(f"{spec.name}.{tensor.name}", size)

    def _block(self, spec: StageSpec, inputs: dict[str, Array]) -> dict[str, Array]:
        self._ranges.check(spec, inputs, spec.lengths_of(inputs))
        if len(spec.outputs) == 1:
            return {spec.outputs[0].name: self._stages(spec.name, **inputs)}
        return self._stages.run_all(spec.name, **inputs)

    @staticmethod
    def _keep_real(spec: StageSpec, inputs: Mapping[str, Array], outputs: dict[str, Array], found: Found) -> None:
        """Put 0 where a place is not real: what an engine leaves there means nothing, and differs by engine."""
        for tensor in spec.outputs:
            real = real_places(spec, tensor, inputs)
            if real is not None:
                outputs[tensor.name][~real] = 0
                found.real[f"{spec.name}.{tensor.name}"] = real

    def _add_means(self, spec: StageSpec, outputs: dict[str, Array], found: Found, notes: list[str]) -> None:
        """Add what stands for a text or a video, where the family takes the mean of states for that."""
        first = averaged_from(self._folder.config, spec.name)
        if first is None:
            return
        name = spec.outputs[0].name
        counts = found.real[f"{spec.name}.{name}"].copy()
        counts[:, :first] = False
        outputs[VECTORS] = mean_of_places(outputs[name], counts)
        notes.append(f"{VECTORS} are the means of {name} at the real places" + (" but the first" if first else ""))


def _together(blocks: list[Array]) -> Array:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def check_ran(found: Found, stage: Stage | None) -> None:
    """Refuse a run in which the stage that was asked for did not run, or none did.

    Raises:
        InputError: so it was; the message says what is lacking.
    """
    if stage is None:
        if not any(each.ran for each in found.stages):
            lacking = [f"{each.name}{'' if each.lacks else ':'} {each.reason}" for each in found.stages]
            raise InputError("no stage can be run on these arrays", seen="; ".join(lacking), fix="Give more arrays.")
        return
    asked = next(each for each in found.stages if each.name == stage)
    if not asked.ran:
        raise InputError(
            f"the {stage} cannot be run",
            seen=asked.reason,
            allowed=", ".join(f"{stage}.{name}" for name in asked.lacks) or None,
            fix="Give those too, or what earlier stages need for them." if asked.lacks else "Choose another engine.",
        )
