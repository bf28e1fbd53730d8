"""Text to word ids."""
