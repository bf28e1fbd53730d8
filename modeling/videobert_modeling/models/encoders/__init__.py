"""Transformers that turn ids and segments into states."""
