"""Edit lists: what of which video is kept, in which order, and the files that tell others of it."""
