"""A folder that is put on the path of pip's children: what it holds stands there in place of `setuptools`.

pip asks an sdist's build backend for its metadata even if it only downloads it; for one without a `pyproject.toml` that
is setuptools, which runs the sdist's `setup.py`.
"""
