"""What every task stands on: the opened model, and the walk over a video from its clips to its tokens."""
