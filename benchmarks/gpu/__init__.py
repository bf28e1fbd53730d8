"""Figures that need a GPU: one file per family, each with `cases()`; `benchmarks/gpu_suite.py` runs them all."""
