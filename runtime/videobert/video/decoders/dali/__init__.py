"""Decoding with DALI: an index of the packets, pieces of the file, and one graph for the CPU and the GPU."""
