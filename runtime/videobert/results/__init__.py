"""What the verbs of `Runtime` return: small frozen dataclasses, ready for JSON.

One file per verb that has one of its own; `tokens` gives `videobert.visual.tokens.VisualTokens`.

Times are seconds of presentation time. Scores say in their docstring what they are.
"""
