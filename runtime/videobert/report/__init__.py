"""Ways to show a `Report` to a person: on a terminal and as one HTML page."""
