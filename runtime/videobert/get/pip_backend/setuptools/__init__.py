"""In place of setuptools: see `build_meta`."""
