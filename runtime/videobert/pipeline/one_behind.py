"""Work that goes on beside its caller, one piece behind."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from videobert.base.spans import span

Item = TypeVar("Item")


class OneBehind(Generic[Item]):
    """Does each piece of work while the caller makes the next one ready.

    What comes back when does not depend on how fast either is, and never is more than one piece on its way.

    Args:
        thread: its thread's name; None does each piece at once, in the caller's.
    """

    def __init__(self, thread: str | None) -> None:
        self._thread = None if thread is None else ThreadPoolExecutor(1, thread_name_prefix=thread)
        self._out: Future[list[Item]] | None = None

    def close(self) -> None:
        """Wait for what is being done, and give up what has not begun."""
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def next(self, work: Callable[[], list[Item]]) -> list[Item]:
        """Begin with `work`; what the work before it gave. Raises what that raised."""
        if self._thread is None:
            return work()
        found = self._before()
        self._out = self._thread.submit(work)
        return found

    def last(self, work: Callable[[], list[Item]]) -> list[Item]:
        """What the work before gave, and what `work` gives."""
        return [*self._before(), *work()]

    def _before(self) -> list[Item]:
        out, self._out = self._out, None
        if out is None:
            return []
        with span("wait"):
            return out.result()
