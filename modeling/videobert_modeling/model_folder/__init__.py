"""Model folders before they are built: written, accounted for, and fitted to another codebook."""
