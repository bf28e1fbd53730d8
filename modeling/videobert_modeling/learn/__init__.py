"""Own classes from own data: `learn` puts a linear head on a backbone and writes a model that answers with it."""

from videobert_modeling.learn.learner import Learned, learn

__all__ = ["Learned", "learn"]
