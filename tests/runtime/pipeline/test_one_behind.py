"""Work beside its caller: what comes back when, what it raises, and what is left of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from videobert.pipeline.one_behind import OneBehind

PATIENCE_S = 10.0


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("test-behind")]


@pytest.fixture
def behind() -> Iterator[OneBehind[str]]:
    with closing(OneBehind[str]("test-behind")) as behind:
        yield behind
    assert threads() == []


def gives(*items: str) -> Callable[[], list[str]]:
    return lambda: list(items)


def test_each_call_gives_what_the_one_before_did(behind: OneBehind[str]) -> None:
    assert behind.next(gives("a", "b")) == []
    assert behind.next(gives()) == ["a", "b"]
    assert behind.next(gives("c")) == []
    assert behind.last(gives("d")) == ["c", "d"]


def test_the_last_may_be_the_first(behind: OneBehind[str]) -> None:
    assert behind.last(gives("a")) == ["a"]
    assert threads() == []


def test_the_caller_goes_on_meanwhile(behind: OneBehind[str]) -> None:
    caller_went_on = threading.Event()

    def work() -> list[str]:
        assert caller_went_on.wait(PATIENCE_S)
        return [threading.current_thread().name]

    assert behind.next(work) == []
    caller_went_on.set()
    (name,) = behind.last(gives())
    assert name.startswith("test-behind")


def test_never_are_two_pieces_on_their_way(behind: OneBehind[str]) -> None:
    at_work = threading.Lock()

    def work() -> list[str]:
        assert at_work.acquire(blocking=False)
        at_work.release()
        return ["done"]

    found = [done for _ in range(50) for done in behind.next(work)]
    assert [*found, *behind.last(gives())] == 50 * ["done"]


def test_what_a_piece_raises_comes_with_the_next_call(behind: OneBehind[str]) -> None:
    def broken() -> list[str]:
        raise ValueError("this one")

    assert behind.next(broken) == []
    with pytest.raises(ValueError, match="this one"):
        behind.next(gives("a"))
    assert behind.last(gives("b")) == ["b"]


def test_closing_waits_for_what_is_being_done() -> None:
    done = threading.Event()

    def work() -> list[str]:
        closing_began.wait(PATIENCE_S)
        done.set()
        return []

    closing_began = threading.Event()
    behind = OneBehind[str]("test-behind")
    behind.next(work)
    threading.Timer(0.05, closing_began.set).start()
    behind.close()
    assert done.is_set()
    assert threads() == []


def test_without_a_thread_each_piece_is_done_at_once() -> None:
    with closing(OneBehind[str](None)) as behind:
        assert behind.next(gives("a")) == ["a"]
        assert behind.last(gives("b")) == ["b"]
