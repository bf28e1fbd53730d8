"""Times as they are printed everywhere: `1.5–3.0 s`."""

from __future__ import annotations


def seconds(time_s: float) -> str:
    """One decimal place and no negative zero: `1.5`."""
    return f"{round(time_s, 1) + 0.0:.1f}"


def span(start_s: float, end_s: float) -> str:
    """A stretch of time, `1.5–3.0 s`."""
    return f"{seconds(start_s)}–{seconds(end_s)} s"


def clock(time_s: float) -> str:
    """A time on an axis or for a whole video: `7.5 s`, `2:05`, `1:02:05`."""
    if round(time_s, 1) < 60:
        return f"{seconds(time_s).removesuffix('.0')} s"
    hours, rest = divmod(round(time_s), 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def elapsed(duration_s: float) -> str:
    """How long something took: `850 µs`, `43 ms`, `1.24 s`."""
    if duration_s < 0.0009995:
        return f"{duration_s * 1e6:.0f} µs"
    if duration_s < 0.9995:
        return f"{duration_s * 1e3:.0f} ms"
    return f"{duration_s:.2f} s"
