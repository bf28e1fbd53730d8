"""Code that crashes or hangs in a child costs an answer and nothing else."""

from __future__ import annotations

import pytest

from videobert.doctor import trial


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed while loading (signal 11)"),
        ("import sys; sys.exit('libfoo.so.7: cannot open shared object file')", "libfoo.so.7"),
        ("raise ImportError('no such symbol')", "no such symbol"),
        ("import os; os._exit(7)", "exit code 7"),
        ("print('not json')", "exit code 0"),
        ("", "exit code 0"),
    ],
    ids=["crash", "exit", "raise", "silent", "noise", "empty"],
)
def test_a_library_that_breaks_costs_one_line(code: str, said: str) -> None:
    (answer,) = trial.tried(code)
    assert isinstance(answer, str)
    assert said in answer
    assert "\n" not in answer


def test_trials_that_share_a_process_answer_one_by_one() -> None:
    one, two = (f"print('a line of a library'); print('{{\"version\": {n}}}')" for n in (1, 2))
    assert trial.tried(one, two) == [{"version": 1}, {"version": 2}]


@pytest.mark.parametrize(
    "breaks",
    [
        "import os; os.abort()",
        "raise ImportError('no such symbol')",
        "import atexit, os; atexit.register(os.abort)",
        "pass",
    ],
    ids=["crash", "raise", "crash at the end", "silent"],
)
def test_a_trial_that_breaks_takes_no_other_with_it(breaks: str) -> None:
    works = "print('{\"version\": 1}')"
    for codes, broken in (((works, breaks), 1), ((breaks, works), 0)):
        answers = trial.tried(*codes)
        assert answers[1 - broken] == {"version": 1}
        assert isinstance(answers[broken], str)


def test_a_library_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TIMEOUT_S", 0.2)
    assert "did not load within" in str(trial.tried("import time; time.sleep(30)"))
