"""The model folder and the files in it."""
