"""A linear head on clip features, and how well it answers about videos that it did not learn from."""
