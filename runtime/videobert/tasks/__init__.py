"""One file per verb of `Runtime`, built only on its stages."""
