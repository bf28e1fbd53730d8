"""Spans: nothing is kept unless somebody records, nesting, threads, faults inside a span."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from videobert.base.spans import Recording, in_spans, recorded, span


def test_nothing_is_kept_while_nobody_records() -> None:
    with span("before"):
        pass
    with recorded() as recording:
        pass
    with span("after"):
        pass
    assert recording.spans == []


def test_spans_nest_and_each_thread_has_its_own_depth() -> None:
    def beside() -> None:
        with span("beside"):
            pass

    with recorded() as recording, span("outer"):
        with span("inner", {"ids": np.zeros((2, 3))}):
            thread = threading.Thread(target=beside, name="other")
            thread.start()
            thread.join()
        with span("second"):
            pass
    found = {each.name: each for each in recording.spans}
    assert [each.name for each in recording.spans] == ["beside", "inner", "second", "outer"]
    assert {name: each.depth for name, each in found.items()} == {"outer": 0, "inner": 1, "second": 1, "beside": 0}
    assert found["beside"].thread == "other"
    assert found["inner"].shapes == (("ids", (2, 3)),)
    assert found["outer"].began_s <= found["inner"].began_s <= found["inner"].ended_s <= found["second"].began_s


def test_a_span_that_fails_ends() -> None:
    with recorded() as recording:
        with pytest.raises(ValueError, match="planted"), span("fails"):
            raise ValueError("planted")
        with span("next"):
            pass
    assert [(each.name, each.depth) for each in recording.spans] == [("fails", 0), ("next", 0)]


def test_items_are_waited_for_in_spans() -> None:
    with recorded() as recording:
        assert list(in_spans("item", iter("ab"))) == ["a", "b"]
    # The last one finds that there is no more.
    assert [each.name for each in recording.spans] == ["item"] * 3


def test_a_profiler_hears_of_each_span() -> None:
    heard: list[str] = []
    with recorded(Recording(heard.append, lambda: heard.append("end"))), span("outer"), span("inner"):
        pass
    assert heard == ["outer", "inner", "end", "end"]


def test_there_is_one_recording_at_a_time() -> None:
    with recorded(), pytest.raises(RuntimeError, match="already"), recorded():
        pass
    with recorded():
        pass
