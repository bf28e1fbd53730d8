"""The command line as a user types it: options, values, help and mistakes in our own words."""
