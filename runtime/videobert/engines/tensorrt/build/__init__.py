"""Engines built from graphs, in a process of their own."""
