"""How many threads decode a video, where the caller says so."""

from __future__ import annotations

from videobert.base.arguments import whole

# As FFmpeg itself has at most: each holds a picture.
MOST_THREADS = 16


def check_decoder_threads(asked: object, threads: int | None = None, *, clips: int = 1) -> int | None:
    """The number that is asked for, or None.

    Args:
        threads: most threads that may compute at a time, where the caller says that too. One of them is the caller's
            own, which makes the clips.
        clips: how many clips at a time share those.

    Raises:
        UsageError: it is no whole number from 1 to 16, or more than `threads` leaves.
    """
    if asked is None:
        return None
    if threads is None:
        return whole(
            "decoder_threads",
            asked,
            least=1,
            most=MOST_THREADS,
            allowed=f"1 to {MOST_THREADS}, or None",
            fix="Leave it out for as many as pay.",
        )
    most = min(MOST_THREADS, max(1, threads // clips - 1))
    shared = f" for {clips} clips at a time" if clips > 1 else ""
    return whole(
        "decoder_threads",
        asked,
        least=1,
        most=most,
        allowed=f"{'1' if most == 1 else f'1 to {most}'}, or None, with threads={threads}{shared}",
        fix="Leave it out for as many as threads allows.",
        fix_cli="Leave it out for as many as --threads allows.",
    )
