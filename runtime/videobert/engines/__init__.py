"""Engines run a model folder's graphs; one file per engine."""
