"""The engines of a model folder: built from its graphs into `engines/<target>/`, each plan beside its sidecar."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.base.code_trust import remember_build
from videobert.base.errors import BuildError, EngineUnavailable, UsageError
from videobert.cuda.gpu_presence import present_gpu
from videobert.engines.external_tensors import check_external
from videobert.engines.tensorrt.build.build_process import BuildLimits, Built, run_build
from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.build.targets import capabilities_to_build
from videobert.engines.tensorrt.flavour import FLAVOURS, Flavour, takes_lengths
from videobert.engines.tensorrt.plan_info import read_fusion, read_header
from videobert.engines.tensorrt.plan_sidecar import PlanRecipe, PlanSidecar
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import ALL_STAGES, GraphFile, find_graph, stages_of
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_spec

OnStage = Callable[[str, float, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltEngine:
    """One engine that lies in the folder now.

    Args:
        precision: of the graph it was built from; may differ by stage, see `find_graph`.
        targets: compute capabilities it runs on, as its header or the builder says.
        fused_attention: fused attention kernels that the plan names, None where they cannot be read.
        expected_attention: how many there should be: layers times profiles.
        build_s: what the build took, now or when it was first built.
        cached: whether the plan was there already.
    """

    stage: str
    precision: str
    targets: tuple[str, ...]
    path: Path
    size_bytes: int
    fused_attention: int | None
    expected_attention: int
    build_s: float
    peak_memory_bytes: int
    cached: bool


def build_engines(
    folder: ModelFolder,
    place: Path,
    *,
    target: str,
    precision: str = "fp16",
    capabilities: Sequence[str] | None = None,
    cache: PlanCache | None = None,
    limits: BuildLimits = BuildLimits(),  # noqa: B008
    on_progress: OnStage | None = None,
) -> tuple[BuiltEngine, ...]:
    """Build every engine of a model.

    Args:
        folder: holds the graphs; no torch and no onnx is needed.
        place: the plans go to `<stage>.plan` in it, their sidecars to `<stage>.json`.
        target: `"tensorrt-rtx"` or `"tensorrt"`.
        precision: `"fp32"`, `"fp16"`, `"bf16"`, `"int8"` or `"fp8"`.
        capabilities: the GPUs to build for, such as `("8.6", "12.0")`; None means all that have the precision. Not for
            `"tensorrt"`, which builds for the GPU of this machine.
        on_progress: called with what is being done, engines done and engines in all.

    Raises:
        UsageError: an unknown target, precision or capability, or one without the other.
        EngineUnavailable: the library, or for `"tensorrt"` a GPU, is missing.
        ModelError: the folder lacks a graph, or a file is not what its manifest says.
        BuildError: an engine could not be built, or is not what it should be.
    """
    flavour = _flavour(target)
    targets, gpu = _aims(flavour, capabilities, precision)
    version = flavour.version()
    mask = not takes_lengths(flavour, version)
    stages = stages_of(folder.config)
    turing = "7.5" in targets or gpu.endswith(" 7.5")
    graphs = {stage: find_graph(folder.names(), stage, precision, mask=mask, turing=turing) for stage in stages}
    place.mkdir(parents=True, exist_ok=True)
    engines = []
    for done, (stage, graph) in enumerate(graphs.items()):
        spec = stage_spec(stage, folder.config, folder.recipe)
        # What attends without lengths of one kind has its mask in the portable graph already.
        by_mask = mask or spec.lengths is None
        attention = "none" if not spec.attentions else "mask" if by_mask else "lengths"
        recipe = PlanRecipe(
            stage=stage,
            target=target,
            precision=graph.precision,
            graph=folder.digest(graph.name),
            weights=folder.digest(graph.weights),
            library=flavour.module,
            version=version,
            targets=targets,
            gpu=gpu,
            attention=attention,
            profiles=profiles_of(stage, folder.config, folder.recipe),
        )

        def report(phase: str, step: int, steps: int, stage: str = stage, done: int = done) -> None:
            if on_progress:
                on_progress(f"{stage}: {phase}", done + min(step / max(steps, 1), 0.99), len(stages))

        report("", 0, 1)
        plan, sidecar, cached = _plan(folder, graph, recipe, cache or PlanCache(), limits, report)
        path = place / f"{stage}.plan"
        for file, content in ((path, plan), (path.with_suffix(".json"), sidecar.to_bytes())):
            # Others that may change a file could put code into it: the group never may, whatever the umask.
            write_atomically(file, lambda new, content=content: new.write_bytes(content), mode=0o644)  # type: ignore[misc]
        remember_build(sidecar.digest)
        engines.append(
            BuiltEngine(
                stage=stage,
                precision=graph.precision,
                targets=targets or (gpu,),
                path=path,
                size_bytes=len(plan),
                fused_attention=sidecar.fusion.attention if sidecar.fusion else None,
                expected_attention=sidecar.expected_attention,
                build_s=sidecar.build_s,
                peak_memory_bytes=sidecar.peak_memory_bytes,
                cached=cached,
            )
        )
    for stage in ALL_STAGES:
        if stage not in graphs:
            for kind in ("plan", "json"):
                (place / f"{stage}.{kind}").unlink(missing_ok=True)
    return tuple(engines)


def check_job(target: str, precision: str, capabilities: Sequence[str] | None) -> bool:
    """Whether such engines can be built here, before any work is done for them: the errors of `build_engines`.

    Returns:
        Whether attention must take a mask.
    """
    flavour = _flavour(target)
    _aims(flavour, capabilities, precision)
    return not takes_lengths(flavour, flavour.version())


def _flavour(target: str) -> Flavour:
    if target not in FLAVOURS:
        raise UsageError("this target is not known", seen=target, allowed=", ".join(FLAVOURS), fix="Use one of those.")
    return FLAVOURS[target]


def _aims(flavour: Flavour, capabilities: Sequence[str] | None, precision: str) -> tuple[tuple[str, ...], str]:
    """The listed targets, or the GPU of this machine."""
    if flavour.lists_targets:
        return capabilities_to_build(capabilities, precision), ""
    if capabilities is not None:
        raise UsageError(
            "TensorRT builds for the GPU of the machine that builds",
            seen=", ".join(capabilities),
            fix="Leave --sm out, or use --target tensorrt-rtx.",
        )
    capabilities_to_build(None, precision)
    flavour.version()
    gpu = present_gpu()
    if gpu is None:
        raise EngineUnavailable(
            "TensorRT builds engines on a machine with an NVIDIA GPU and driver only",
            fix="Run this on the machine that the engine is for, or use --target tensorrt-rtx.",
        )
    return (), gpu


def _plan(
    folder: ModelFolder,
    graph: GraphFile,
    recipe: PlanRecipe,
    cache: PlanCache,
    limits: BuildLimits,
    report: Callable[[str, int, int], None],
) -> tuple[bytes, PlanSidecar, bool]:
    key = recipe.to_json()
    with cache.locked(key):
        found = cache.get(key)
        if found is not None:
            return (*found, True)
        with tempfile.TemporaryDirectory(prefix="videobert-graph-") as private:
            request = BuildRequest(
                target=recipe.target,
                graph=_private(folder, graph, Path(private)),
                targets=recipe.targets,
                profiles=recipe.profiles,
                lengths=_spec(folder, recipe).lengths if recipe.attention == "lengths" else None,
                exact=recipe.precision == "fp32",
            )
            built = run_build(request, limits, report)
        sidecar = _described(folder, recipe, built)
        cache.put(key, built.plan, sidecar)
        return built.plan, sidecar, False


def _spec(folder: ModelFolder, recipe: PlanRecipe) -> StageSpec:
    return stage_spec(recipe.stage, folder.config, folder.recipe)


def _private(folder: ModelFolder, graph: GraphFile, place: Path) -> Path:
    """A copy of a graph and its weights for the builder: what was checked is what it reads, and all that it reads.

    Raises:
        ModelError: a file is not what the manifest says, or the graph names another file than that of its weights.
    """
    own, weights = Path(graph.name).name, Path(graph.weights).name
    content = folder.read(graph.name)
    check_external(content, graph.name, allowed={weights} - {own})
    (place / own).write_bytes(content)
    if weights != own:
        (place / weights).write_bytes(folder.read(graph.weights))
    return place / own


def _described(folder: ModelFolder, recipe: PlanRecipe, built: Built) -> PlanSidecar:
    """The sidecar of a new plan, after checking that the plan is what was asked for."""
    layers = _spec(folder, recipe).attentions
    faults = []
    if built.result.attentions != layers and recipe.precision != "fp32":
        faults.append(f"{built.result.attentions} attentions in the network, {layers} in the model")
    fused = recipe.precision != "fp32"
    expected = layers * len(recipe.profiles) if fused else 0
    fusion = None
    if recipe.target == "tensorrt-rtx":
        header = read_header(built.plan)
        fusion = read_fusion(built.plan)
        if header.known and set(header.targets) != set(recipe.targets):
            faults.append(f"the plan is for {', '.join(header.targets)}")
        if fusion is not None and fused and fusion.attention != expected:
            faults.append(f"{fusion.attention} fused attentions, not {expected}")
    if faults:
        error = BuildError(
            f"the builder of {recipe.target} made an engine for {recipe.stage} that is not what was asked for",
            seen="; ".join(faults),
            fix="Please report this with the version of the library.",
        )
        error.log = built.log
        raise error
    return PlanSidecar(
        recipe=recipe.to_json(),
        sha256=hashlib.sha256(built.plan).hexdigest(),
        size_bytes=len(built.plan),
        fusion=fusion,
        expected_attention=expected,
        build_s=built.result.build_s,
        peak_memory_bytes=built.peak_memory_bytes,
    )
