"""The best of the vocabulary at masked positions, without writing the logits."""
