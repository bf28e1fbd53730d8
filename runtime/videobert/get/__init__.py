"""Models that others have trained and published: finding, fetching and laying them out as model folders."""
