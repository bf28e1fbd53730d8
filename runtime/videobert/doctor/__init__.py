"""What is installed, what can run, and what a model folder holds: everything that is examined and nothing changed."""
