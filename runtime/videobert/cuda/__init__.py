"""Compiled kernels on an NVIDIA GPU without torch and without Triton. Nothing here is imported before it is used."""
