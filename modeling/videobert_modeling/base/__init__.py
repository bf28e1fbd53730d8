"""What every room of the modeling side stands on: seeds, and folders that appear whole."""
