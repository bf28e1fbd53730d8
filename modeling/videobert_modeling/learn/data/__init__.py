"""What a user has labelled: stretches of videos, from a JSONL file or from folders, checked before any work is done."""
