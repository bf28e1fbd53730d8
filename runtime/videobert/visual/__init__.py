"""Features, the codebook and visual tokens."""
