"""Networks that find where one shot of a film ends and the next begins."""
