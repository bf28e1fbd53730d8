"""Video to clips, true to the clock.

with videobert.open_clips("film.mp4", videobert.Recipe()) as stream:
    for clip in stream:
        print(clip.start_s, clip.end_s, clip.frames.shape)
"""
