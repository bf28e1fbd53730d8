"""Measuring a model on a machine: where the time goes, how sure that is, and what the hardware would allow."""
