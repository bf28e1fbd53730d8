"""The operators: one folder each, with its launch, its Triton kernel, its tile sizes and a plain torch reference."""
