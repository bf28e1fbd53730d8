"""An index of stretches of many videos on disk: vectors, what they are of, and how it survives a crash."""
