"""The reference engine on CPU and CUDA: PyTorch modules, and encoders packed. Imports torch only when opened."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import EngineUnavailable, InputError, ModelError
from videobert.base.offline_imports import no_library_search
from videobert.base.spans import span
from videobert.engines.base import DeviceArray, EngineOptions
from videobert.engines.compiler_folders import compiler_folders
from videobert.model.stage import Stage
from videobert.model.stage_lists import BACKBONE, stage_specs

if TYPE_CHECKING:
    import torch
    from torch import nn

    from videobert.model.folder import ModelFolder
    from videobert_modeling.packed import PackedEncoder


class TorchEngine:
    """Runs a model folder's weights through the modules of `videobert_modeling`; needs no graphs of the folder.

    Every encoder runs on packed sequences: padding costs nothing and cannot matter. On CUDA it runs on our kernels and,
    once prepared, as captured CUDA graphs. `fallback` names the stages for which that is not so, or not with heads of
    their own size, each with its reason.

    Args:
        folder: an opened model folder with model.safetensors.
        device: `"cpu"` or `"cuda"`.
        options: `precision="auto"` is fp32 here, on every device, without TF32; in bf16, heads stay in fp32.
            `threads` sets torch's thread count for the whole process. What Triton compiles on CUDA is kept in the
            cache folder.

    Raises:
        EngineUnavailable: torch is not installed, or there is no CUDA device.
        ModelError: the weights are missing, damaged or those of another model.
    """

    name = "torch"

    def __init__(self, folder: ModelFolder, device: str, options: EngineOptions) -> None:
        try:
            with no_library_search(), compiler_folders(options.cache_dir):
                import torch
                import torch._dynamo  # the kernels' operators ask for it, and it makes a folder when it is imported

            from videobert_modeling.models.backbones.channels_last import channels_last
            from videobert_modeling.models.encoders.decoder import DecoderStage
            from videobert_modeling.models.stage_modules import stages_of
            from videobert_modeling.models.weights import load_weights
            from videobert_modeling.packed import PackedEncoder, packable, use_kernels
        except ImportError as error:
            raise EngineUnavailable(
                "the torch engine cannot run", seen=str(error), fix="Run `pip install 'videobert[build]'`."
            ) from error
        if device == "cuda" and not torch.cuda.is_available():
            raise EngineUnavailable(
                "torch sees no CUDA device",
                seen=f"torch {torch.__version__}",
                fix='Use device="cpu", or install a torch build for CUDA and its driver.',
                fix_cli="Use --device cpu, or install a torch build for CUDA and its driver.",
            )
        if options.threads is not None and device == "cpu":
            torch.set_num_threads(options.threads)
        folder.verified_path("model.safetensors")
        backbone, model = load_weights(folder.root)
        channels_last(backbone)
        stages = stages_of(backbone, model, folder.recipe)
        self._stages: dict[str, nn.Module] | None = {name: module.to(device) for name, module in stages.items()}
        specs = stage_specs(folder.config, folder.recipe)
        self._keep_fp32 = {spec.name for spec in specs if spec.keeps_fp32}
        self._outputs = {spec.name: [tensor.name for tensor in spec.outputs] for spec in specs}
        self._torch_device = device
        self._cache_dir = options.cache_dir
        # One call at a time on a GPU, where the switch against TF32 belongs to the whole process.
        self._lock = threading.Lock() if device == "cuda" else None
        self.device = "CPU" if device == "cpu" else torch.cuda.get_device_name()
        self.precision = "bf16" if options.precision == "bf16" else "fp32"
        self.parallel = 1
        self.takes_device_arrays = device == "cuda"
        self._packed: dict[Stage, PackedEncoder] = {}
        remarks: dict[str, list[Stage]] = {}
        for stage in (spec.name for spec in specs if spec.is_encoder):
            found = packable(stages[stage])
            remark = found if isinstance(found, str) else found.remark
            if not isinstance(found, str):
                dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
                self._packed[stage] = PackedEncoder(found, device, dtype)
            if remark is not None:
                remarks.setdefault(remark, []).append(stage)
        for stage, module in stages.items():
            remark = use_kernels(module.decoder) if isinstance(module, DecoderStage) else None
            if remark is not None:
                remarks.setdefault(remark, []).append(stage)
        said = [f"{', '.join(stages)}: {remark}" for remark, stages in remarks.items()]
        self.fallback: str | None = "; ".join(said) or None

    def run(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """See `Engine.run`."""
        (output,) = self.run_all(stage, **inputs).values()
        return output

    def run_all(self, stage: Stage, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """See `Engine.run_all`."""
        stages = self._stages
        if stages is None:
            raise InputError("this engine is closed", fix="Load the model again.")
        if stage not in stages:
            raise ModelError(f"this model has no {stage}", allowed=sorted(stages), fix="Use a model with that head.")
        if self._lock is None:
            return self._run(stage, stages[stage], inputs)
        from torch.backends import cudnn

        exact = cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
        with self._lock, compiler_folders(self._cache_dir), exact:
            return self._run(stage, stages[stage], inputs)

    def features_of_pixels(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See `TakesPixels.features_of_pixels`."""
        if self._stages is None:
            raise InputError("this engine is closed", fix="Load the model again.")
        import torch
        from torch.backends import cudnn

        backbone: Any = self._stages[BACKBONE].backbone
        bf16 = self.precision == "bf16"
        try:
            with (
                self._lock or nullcontext(),
                cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
                torch.inference_mode(),
                torch.autocast(self._torch_device, torch.bfloat16, enabled=bf16),
            ):
                features: npt.NDArray[np.float32] = backbone(self._tensor(pixels)).float().cpu().numpy()
        except RuntimeError as error:
            raise InputError(
                "the backbone takes no clip of this size",
                seen=f"{pixels.shape[2]} frames of {pixels.shape[3]} x {pixels.shape[4]} pixels",
                fix="Give a longer or larger one.",
            ) from error
        return features

    def prepare(self) -> None:
        """On CUDA, compile the encoders' kernels and capture their graphs; on the CPU there is nothing to compile."""
        with self._lock or nullcontext(), compiler_folders(self._cache_dir):
            for packed in self._packed.values():
                packed.prepare()

    def close(self) -> None:
        """See `Engine.close`."""
        self._stages = None
        self._packed = {}

    def _run(self, stage: Stage, module: nn.Module, inputs: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
        import torch

        names = self._outputs[stage]
        packed = self._packed.get(stage)
        if packed is not None:
            return dict(zip(names, (packed.states(**inputs),), strict=True))
        bf16 = self.precision == "bf16" and stage not in self._keep_fp32
        with torch.inference_mode(), torch.autocast(self._torch_device, torch.bfloat16, enabled=bf16):
            with span("copy"):
                tensors = {name: self._tensor(array) for name, array in inputs.items()}
            given: torch.Tensor | tuple[torch.Tensor, ...] = module(**tensors)
            outputs = (given,) if isinstance(given, torch.Tensor) else given
            if self._torch_device != "cpu":
                # Else the copy would be blamed for what the device has still to compute.
                torch.cuda.current_stream().synchronize()
            with span("copy"):
                return {name: output.float().cpu().numpy() for name, output in zip(names, outputs, strict=True)}

    def _tensor(self, array: npt.NDArray[Any] | DeviceArray) -> torch.Tensor:
        import torch

        if not isinstance(array, np.ndarray):
            # One clip, which stays where it is.
            return torch.utils.dlpack.from_dlpack(array)[None].to(self._torch_device)
        array = np.ascontiguousarray(array)
        # torch cannot mark a tensor read-only, so it warns about arrays that are.
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self._torch_device)
