"""Running plans: deserialised once, shapes and addresses fixed when the engine is prepared, then launched."""
