"""TensorRT and TensorRT-RTX engines: built on any machine, in a process of their own, from the graphs of a folder."""
