"""One decoded picture to one square of RGB bytes: layout, colour, siting, orientation, crop."""
