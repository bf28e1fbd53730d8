"""The tensors of a checkpoint as the values of a network, each with its line in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.model_folder.ledger import Ledger

COUNTER = ".num_batches_tracked"
_PREFIX = "backbone."
_CLASSIFIER = "classifier."


def open_network(path: Path, kind: str, *, strict: bool) -> Intake:
    """The tensors of a checkpoint of one network, or of a backbone file, to be taken one by one.

    Args:
        kind: what the ledger calls the checkpoint.

    Raises:
        ModelError: see `open_checkpoint`.
    """
    checkpoint = open_checkpoint(path)
    notes, tensors = list(checkpoint.notes), checkpoint.tensors
    if all(name.startswith((_PREFIX, _CLASSIFIER)) for name in tensors):
        tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
        notes.append(f"took the prefix `{_PREFIX}` off the names")
    return Intake(tensors, Ledger(kind, checkpoint.path.name, notes=notes), strict=strict)


def plain_names(path: Path) -> frozenset[str]:
    """The names of a checkpoint's tensors, as `open_network` would have them.

    Raises:
        ModelError: it cannot be read.
    """
    return frozenset(name.removeprefix(_PREFIX) for name in open_checkpoint(path).tensors)


def fill(model: nn.Module, intake: Intake, theirs: Callable[[str], str] = lambda name: name) -> None:
    """Give a network without values those of a checkpoint, and set it to evaluation.

    Training counters are left out. What the network has no place for stays in the intake.

    Args:
        theirs: their name of one of ours.

    Raises:
        ModelError: a tensor is missing, however lenient the import: a network with holes has no meaning; or one has
            another shape, or is not finite.
    """
    state: dict[str, Tensor] = {}
    for name, ours in model.state_dict().items():
        source = theirs(name)
        if name.endswith(COUNTER):
            intake.ignore(source, "a training counter")
            state[name] = torch.zeros((), dtype=torch.int64)
        elif source in intake:
            state[name] = intake.take(source, name, tuple(ours.shape))
        else:
            intake.missing(name)
    if len(state) < len(model.state_dict()):
        intake.ledger.require_explained()
    model.load_state_dict(state, assign=True)
    model.eval()
