"""What importers have in common: files of weights, the layout of a BERT, its tokenizer, the visual side."""
