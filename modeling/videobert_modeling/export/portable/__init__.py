"""The graphs that every engine takes: made from the modules, checked against them, written with the manifest."""
