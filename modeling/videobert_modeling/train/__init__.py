"""Training: steps that are kept and gone on with, and the worlds to train on."""
