"""What the verbs of `Runtime` return: small frozen dataclasses, one file per verb, ready for JSON.

Times are seconds of presentation time. Scores say in their docstring what they are.
"""
