"""Sentences from a decoder: beam search over windows of a video, word by word; of no family, and in numpy."""
