"""One file for each model family: which encoder and heads it has, and what they say together."""
