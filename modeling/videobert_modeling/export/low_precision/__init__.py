"""Graphs for engines that take their types from the graph, derived from the portable ones."""
