"""What a model card says of questions that were learned."""

from __future__ import annotations

from collections.abc import Mapping

from videobert_modeling.learn.report import LearnedQuestion


def card_with(text: str, accounts: Mapping[str, LearnedQuestion]) -> str:
    """The card with a section at its end for each question, in place of an earlier one of the same name."""
    for name, account in accounts.items():
        before, _, after = text.partition(f"{_heading(name)}\n")
        # The rest of an earlier section goes, up to the next heading.
        after = after[after.index("\n## ") + 1 :] if "\n## " in after else ""
        text = "\n\n".join(part.strip("\n") for part in (before, after, _section(name, account)) if part.strip("\n"))
    return text + "\n"


def _heading(name: str) -> str:
    return f"## Question {name}"


def _section(name: str, account: LearnedQuestion) -> str:
    accuracy = account.accuracy
    if accuracy is None:
        figure = "Not measured: no video could be held out."
    else:
        figure = (
            f"On {account.measured} stretches of videos that were held out: {accuracy}; the commonest label alone: "
            f"{account.commonest:.1%}."
        )
    return "\n".join(
        [
            _heading(name),
            "",
            f"Learned by `videobert learn` from {sum(account.examples)} stretches, a linear head on the backbone's "
            f"features. {figure} `learn.json` has each label's figures and the stretches that were answered wrongly.",
            "",
            f"Labels: {', '.join(account.labels)}.",
            *(f"\n- {note}" for note in account.notes),
        ]
    )
