"""Networks that turn a clip into a feature."""
