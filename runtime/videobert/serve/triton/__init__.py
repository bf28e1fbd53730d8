"""A model folder as a model repository of NVIDIA Triton Inference Server."""
