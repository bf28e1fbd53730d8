"""Bias, residual sum and LayerNorm in one pass."""
