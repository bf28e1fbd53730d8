"""The generated world `shapes`: its films and sentences, and the chain from them to the bundled model."""
