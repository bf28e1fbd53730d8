"""Fit a model folder to a codebook: the visual half of its vocabulary gets a row for each leaf."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError, UsageError
from videobert.families.build_check import check_place, check_sizes
from videobert.families.registry import FAMILIES
from videobert.families.verbs_of import with_section
from videobert.model.config import VISUAL_TOKENS, ModelConfig
from videobert.model.mending import CODEBOOK, MANIFEST, WEIGHTS, check_written
from videobert.model.stage_lists import head_stage
from videobert.visual.codebook import Codebook
from videobert_modeling.model_folder.card import VISUAL_ROWS, card_of
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.model_folder.visual_rows import visual_rows
from videobert_modeling.models.configurations import checked

ACCOUNT = "import.json"
_TABLE, _BIAS = "encoder.tokens.weight", "heads.bias"
_ALIGNMENT = "alignment head"
_MARK = "codebook: "
_CARD = "README.md"
_SECTION = "## Codebook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What became of a folder.

    Args:
        folder: the folder.
        before, after: its visual tokens.
        untrained: parts of the model that hold no trained values, as its `import.json` lists them now.
        notes: how the new rows came about.
        in_table: whether visual tokens have rows in the model's table.
    """

    folder: Path
    before: int
    after: int
    untrained: tuple[str, ...]
    notes: tuple[str, ...]
    in_table: bool = True

    @property
    def summary(self) -> str:
        """What changed, as lines for a person."""
        resized = "Token table, output bias and config.json were resized; words, encoder and backbone are as they were."
        if not self.in_table:
            resized = "The model works on features, so its weights are as they were."
        lines = [
            f"{self.folder}: {self.before} visual tokens became {self.after}. {resized}",
            *(f"note: {note}" for note in self.notes),
            *(f"untrained: {part}" for part in self.untrained),
        ]
        return "\n".join(lines)


def check_refit(folder: Path, *, replace: bool) -> None:
    """Whether a codebook may be put into a folder, before one is made.

    Args:
        replace: the caller gives up the codebook that is there, and the visual rows that rest on it.

    Raises:
        UsageError: the folder is never written to, or cannot be, or holds what would be lost.
        ModelError: a file is missing or damaged, or the model has no visual tokens but those that it was trained with.
    """
    check_written(folder, fix="Pass --out FILE for the codebook alone.")
    _have_rows(check_sizes(folder)[0])
    check_place(folder)
    if (folder / CODEBOOK).exists() and not replace:
        raise UsageError(
            "this model has a codebook, on which its visual rows and all saved tokens rest",
            seen=str(folder / CODEBOOK),
            fix="Pass --replace to give both up, or --out FILE for a codebook elsewhere.",
        )


def untrained_backbone(folder: Path) -> bool:
    """Whether the folder's account says that its backbone holds no trained values."""
    account = _account(folder)
    return account is not None and any(part.startswith("backbone") for part in account["uninitialised"])


def refit(folder: Path, codebook: Codebook, *, seed: int = 0) -> Refit:
    """Put a codebook into a folder and give every leaf its row of the token table, in place of those that were there.

    A new row is its centroid where that is as wide as the encoder (arXiv 1904.01766, section 4.3), else BERT's normal
    start from `seed`; its output bias is 0. The joiner keeps row and bias. The same folder, codebook and seed give the
    same bytes. Graphs and manifest of an earlier build go: they are of another model. `import.json` and the card say
    what is untrained.

    Raises:
        ModelError: a file is missing or damaged, or more leaves than a model may have.
    """
    config, _ = check_sizes(folder)
    in_table = _have_rows(config)
    untrained = _untrained(config) if in_table else config.untrained
    new = checked(dataclasses.replace(config, visual_tokens=len(codebook), untrained=untrained))
    ledger = Ledger("codebook", CODEBOOK)
    tensors = load_file(folder / WEIGHTS)
    before = _account(folder) or Ledger(config.family, config.name).to_json()
    if in_table:
        rows = visual_rows(len(codebook), config.encoder.width, codebook, ledger, seed=seed)[: len(codebook)]
        if codebook.dim != config.encoder.width:
            ledger.notes.append(f"{len(codebook)} visual rows start at random, from seed {seed}")
        tensors[_TABLE] = _resized(tensors[_TABLE], config, rows)
        if _BIAS in tensors:
            tensors[_BIAS] = _resized(tensors[_BIAS], config, torch.zeros(len(codebook)))
        if not any(part.startswith(VISUAL_ROWS) for part in before["uninitialised"]):
            ledger.notes.append("the visual rows before them were trained, for other centroids, and are gone")
    after = _retold(before, ledger, rests_on_tokens=in_table and "alignment" in config.heads)
    card = _card(folder, (config, before), (new, after), codebook)

    # From here on the folder is no built model, so whatever interrupts, nothing half-new is ever loaded.
    (folder / MANIFEST).unlink(missing_ok=True)
    for graph in (folder / "graphs").glob("*.onnx"):
        graph.unlink()
    write_atomically(folder / WEIGHTS, lambda path: save_file(tensors, path))
    codebook.save(folder / CODEBOOK)
    _write_text(folder / ACCOUNT, _json(after))
    _write_text(folder / "config.json", _json(new.to_json()))
    _write_text(folder / _CARD, card)
    return Refit(
        folder=folder,
        before=config.visual_tokens,
        after=len(codebook),
        untrained=tuple(after["uninitialised"]),
        notes=tuple(ledger.notes),
        in_table=in_table,
    )


def _have_rows(config: ModelConfig) -> bool:
    """Whether visual tokens have rows in the table of words, which a new codebook replaces.

    If not, the model works on features, or on what a classifier says of them, and its weights stay as they are.

    Raises:
        ModelError: they have rows in a table that is trained with its centroids as one.
    """
    table = FAMILIES[config.family].word_table(config)
    if table.rows == config.words:
        return False
    if table.tensor != _TABLE:
        raise ModelError(
            "the visual tokens of this model mean the centroids that it was trained with",
            seen=f"family {config.family}",
            fix="Import the checkpoint again with its own --centroids.",
        )
    return True


def _resized(table: Tensor, config: ModelConfig, visual: Tensor) -> Tensor:
    """Words, the new visual rows, the joiner; in the type that the file has."""
    rows = visual.to(table.dtype)
    if not bool(torch.isfinite(rows).all()):
        raise ModelError(
            "a centroid is too large for the type that the weights are stored in",
            seen=f"{float(visual.abs().max()):g}",
            allowed=f"{torch.finfo(table.dtype).max:g}, {str(table.dtype).removeprefix('torch.')}",
            fix="Import the checkpoint again with --dtype float32.",
        )
    return torch.cat([table[: config.words], rows, table[config.joiner_id :]])


def _untrained(config: ModelConfig) -> tuple[str, ...]:
    """The parts that hold nothing trained now: the new rows, and the head that was trained with those before."""
    heads = (head_stage("alignment"),) if "alignment" in config.heads else ()
    return tuple(dict.fromkeys((*config.untrained, *heads, VISUAL_TOKENS)))


def _account(folder: Path) -> dict[str, Any] | None:
    """The account of the import, with a list of untrained parts; None if there is none that can be read."""
    try:
        account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    parts = account.get("uninitialised") if isinstance(account, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return dict(account)


def _retold(account: dict[str, Any], ledger: Ledger, *, rests_on_tokens: bool) -> dict[str, Any]:
    """The account with what holds now of the parts that rest on visual tokens, the alignment head among them or not."""
    untrained = [part for part in account["uninitialised"] if not part.startswith(VISUAL_ROWS)]
    untrained += [part for part in ledger.uninitialised if part.startswith(VISUAL_ROWS)]
    if rests_on_tokens and not any(part.startswith(_ALIGNMENT) for part in untrained):
        untrained.append(f"{_ALIGNMENT}: trained with visual tokens that were replaced")
    notes = [note for note in account.get("notes") or [] if not str(note).startswith(_MARK)]
    return account | {"uninitialised": untrained, "notes": [*notes, *(f"{_MARK}{note}" for note in ledger.notes)]}


def _card(
    folder: Path,
    before: tuple[ModelConfig, dict[str, Any]],
    after: tuple[ModelConfig, dict[str, Any]],
    codebook: Codebook,
) -> str:
    """The card anew where it is as the import wrote it; else a section at its end, in place of an earlier one."""
    path = folder / _CARD
    text = path.read_text(encoding="utf-8") if path.is_file() else f"# {before[0].name}\n"
    if "source" in before[1] and text in (card_of(*before, sees=False), card_of(*before, sees=True)):
        return card_of(*after, sees=True)
    config, account = after
    lines = [
        with_section(text.split(f"\n{_SECTION}\n")[0], config, sees=True).rstrip("\n"),
        "",
        _SECTION,
        "",
        f"{config.visual_tokens} visual tokens, made by `videobert cluster` from {codebook.samples} clips; what is "
        "said of them above no longer holds. Not trained:",
        "",
        *(f"- {part}" for part in account["uninitialised"]),
        "",
    ]
    return "\n".join(lines)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda new: new.write_text(text, encoding="utf-8"))
