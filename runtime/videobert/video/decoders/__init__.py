"""From an opened container, or from numpy frames, to frames with times; one decoder for all files, one for NVDEC."""
