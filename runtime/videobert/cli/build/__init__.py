"""`videobert build`: what each target is made of."""
