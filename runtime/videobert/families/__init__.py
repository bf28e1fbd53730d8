"""Model families: how text and video become the inputs of stages, one file per family."""
