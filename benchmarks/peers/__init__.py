"""What others would use in our place, beside ours: same weights, same clips, in turns within one process."""
