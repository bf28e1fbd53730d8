"""Engines run the stages of a model folder; one file per engine, a folder for TensorRT."""
