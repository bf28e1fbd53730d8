"""Kernels compiled ahead of time: the gate that watches what they use, and what a run without torch is given."""
