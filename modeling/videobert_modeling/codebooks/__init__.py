"""From the features of clips to a codebook: what reads them, holds them on disk and clusters them."""
