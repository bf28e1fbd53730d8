"""Clip features of labelled stretches: found once for each video, kept on disk, and put together to examples."""
