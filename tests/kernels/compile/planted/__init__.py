"""Operators for the tests of the compile gate: one that is sound, and one with a fault of every kind."""
