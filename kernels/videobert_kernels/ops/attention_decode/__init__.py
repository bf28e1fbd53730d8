"""Decoding: one query a sequence against a key/value cache, and the next row of the cache."""
