"""Bias and exact GELU in one pass."""
