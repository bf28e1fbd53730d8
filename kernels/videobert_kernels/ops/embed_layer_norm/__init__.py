"""Embedding gather and LayerNorm in one pass."""
