"""One file per verb of `Runtime`, built on the opened model alone."""
