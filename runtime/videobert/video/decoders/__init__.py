"""From an opened container, or from numpy frames, to frames with times; PyAV for all files, DALI for NVDEC."""
