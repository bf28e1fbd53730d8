"""TensorRT plugins made of our kernels, for builders of engines; needs TensorRT and Triton when an engine is built."""

from videobert_kernels.tensorrt_plugins.plugins import NAMESPACE, PLUGINS, register_plugins

__all__ = ["NAMESPACE", "PLUGINS", "register_plugins"]
