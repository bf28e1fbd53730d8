"""What the operators raise when they are called wrongly."""

from __future__ import annotations


class KernelError(ValueError):
    """A call that no operator can answer; the message says what was wrong and what to do.

    Args:
        what: what is wrong.
        seen: the value that was met.
        allowed: what would be accepted.
        fix: one next step.
    """

    def __init__(self, what: str, *, seen: object = None, allowed: object = None, fix: str | None = None) -> None:
        parts = [what]
        if seen is not None:
            parts.append(f"seen: {seen}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        super().__init__("; ".join(parts) + (f". {fix}" if fix else ""))
        self.what, self.seen, self.allowed, self.fix = what, seen, allowed, fix
