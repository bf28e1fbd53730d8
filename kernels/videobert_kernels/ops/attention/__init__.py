"""Packed variable-length attention: self-, joint-, text-only, visual-only, cross- and co-attention in one kernel."""
