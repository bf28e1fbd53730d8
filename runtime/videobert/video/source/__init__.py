"""What a video may be: containers, their tracks, and what their headers say that demuxers keep to themselves."""
