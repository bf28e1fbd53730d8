"""Figures with their uncertainty, of any model."""
