"""Training of the bundled model: a generated world of narrated moving shapes, from pixels to a model folder."""
