"""`learn`: from labelled stretches of video to a model folder that answers new questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.errors import InputError
from videobert.model.folder import find
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.codebooks.backbone_source import backbone_of_folder
from videobert_modeling.learn.data.questions import check_classes, examples_of, read_data
from videobert_modeling.learn.features.gather import Example, LeftOut, Progress, gather
from videobert_modeling.learn.features.store import FeatureStore
from videobert_modeling.learn.features.walk import DecoderName
from videobert_modeling.learn.head.cross_validation import Labelled, choose_strength, fitter_of, hold_out
from videobert_modeling.learn.head.linear_head import LinearHead
from videobert_modeling.learn.head.threshold import threshold_of
from videobert_modeling.learn.report import LearnedQuestion, learned_question
from videobert_modeling.learn.taught_folder import Taught, check_taught, write_taught


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What `learn` did.

    Args:
        folder: the new model folder.
        built: whether it has its graphs and runs at once; False where the model that it was made from was not built.
        questions: what was learned, by name.
        left_out: videos and stretches that could not be used.
        clips_computed: clips that the backbone saw; the rest of the features were in the store.
    """

    folder: Path
    built: bool
    questions: dict[str, LearnedQuestion]
    left_out: tuple[LeftOut, ...]
    clips_computed: int

    def to_json(self) -> dict[str, Any]:
        """What `learn.json` of the folder holds, and what this run did."""
        return {
            "out": str(self.folder),
            "built": self.built,
            "questions": {name: question.to_json() for name, question in self.questions.items()},
            "left_out": [
                {"video": each.video, "where": each.where, "stretches": each.stretches, "reason": each.reason}
                for each in self.left_out
            ],
            "clips_computed": self.clips_computed,
        }


def learn(
    model: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    questions: Sequence[str] = (),
    replace: bool = False,
    features: str | Path | None = None,
    decoder: DecoderName = "auto",
    on_progress: Progress | None = None,
) -> Learned:
    """Learn questions from labelled stretches of video, and write a copy of a model that answers them.

    The model's backbone sees each clip of the stretches once; what it gives is kept, so that an interrupted run goes on
    and a second one takes seconds. On these features a linear head is learned for each question. The same data and
    model give the same bytes.

    Args:
        model: a bundled model's name, or a model folder; it need not be built.
        data: a JSONL file, one line a stretch, see `videobert_modeling.learn.data.jsonl`; or a folder with one folder
            a class.
        out: the new model folder.
        questions: of a file: which of its questions to learn, all by default; of a folder: the name of its one
            question, by default the folder's.
        replace: take the place of questions that the model has under these names.
        features: where features are kept; the user's cache by default.
        decoder: what reads the videos, see `videobert.video.open.open_clips`.
        on_progress: called as `(step, done, total)`.

    Raises:
        InputError: the data is wrong or too little; no video can be read. All that is wrong in a file is told at once.
        UsageError: `out` is taken, or a question's name is.
        LimitExceeded: more lines, labels or questions than there may be.
        ModelError: a file of the model is missing or damaged.
    """
    source, target = find(model), Path(out)
    require_new(target)
    wanted = read_data(Path(data), questions)
    check_taught(source, target, wanted.questions, replace=replace)
    gathered = gather(
        wanted.stretches,
        backbone_of_folder(source),
        FeatureStore(None if features is None else Path(features)),
        decoder=decoder,
        on_progress=on_progress,
    )
    counts = examples_of([example.stretch for example in gathered.examples])
    for question, labels in wanted.questions.items():
        _check_left(question, labels, counts, gathered.left_out)
    taught: dict[str, Taught] = {}
    accounts: dict[str, LearnedQuestion] = {}
    for done, (question, labels) in enumerate(wanted.questions.items()):
        if on_progress is not None:
            on_progress(question, done, len(wanted.questions))
        head, threshold, account = _head(question, labels, gathered.examples)
        taught[question] = Taught(labels=labels, head=head, threshold=threshold)
        accounts[question] = account
    built = write_taught(source, target, taught, accounts)
    return Learned(
        folder=target,
        built=built,
        questions=accounts,
        left_out=gathered.left_out,
        clips_computed=gathered.clips_computed,
    )


def _check_left(question: str, labels: tuple[str, ...], counts: dict[str, Any], left_out: tuple[LeftOut, ...]) -> None:
    """Whether enough is left of a question where some videos could not be read."""
    left = counts.get(question, {})
    try:
        check_classes(question, left)
        missing = [label for label in labels if label not in left]
    except InputError:
        missing = list(labels)
    if missing and left_out:
        first = left_out[0]
        raise InputError(
            f"too little can be read of what the question {question} needs: {len(left_out)} videos or stretches are "
            f"left out, the first ({first.where}) because {first.reason}",
            seen=first.video,
            fix="Mend or remove these videos.",
        )


def _head(
    question: str, labels: tuple[str, ...], examples: tuple[Example, ...]
) -> tuple[LinearHead, float | None, LearnedQuestion]:
    # Threads would add up sums in another order each time. The limit reaches only what is loaded already.
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    asked = tuple(example for example in examples if question in example.stretch.labels)
    labelled = Labelled(
        examples=asked,
        targets=np.array([labels.index(example.stretch.labels[question]) for example in asked], np.int64),
        labels=len(labels),
    )
    with threadpool_limits(limits=1):
        held = hold_out(labelled)
        strength = choose_strength(labelled)
        head = fitter_of(labelled).fit(strength)
        threshold = threshold_of(labelled, held)
        account = learned_question(question, labels, labelled, held, strength=strength, threshold=threshold)
    return head, threshold, account
