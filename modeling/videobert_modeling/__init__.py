"""The modeling side: PyTorch modules, importers, export and training. Never needed to run a model folder."""
