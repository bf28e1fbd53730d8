"""Triton kernels for VideoBERT inference, each with a plain torch reference. Needs torch, Triton and numpy only."""
