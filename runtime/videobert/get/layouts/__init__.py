"""The tensor names of published checkpoints, and how they become ours: numpy arrays in, numpy arrays out."""
