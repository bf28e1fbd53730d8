"""The ground that everything stands on: errors, limits, files, threads, a caller's arguments. Nothing of the model."""
