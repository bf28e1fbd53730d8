"""An index of videos on disk: vectors of stretches, their times and what re-ranking needs. It knows no models."""
