"""Write what an importer made as a model folder that `videobert build` can export."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from videobert.codebook import Codebook
from videobert.config import ModelConfig
from videobert.errors import UsageError
from videobert.limits import Limits
from videobert.recipe import Recipe
from videobert.text import TextTokenizer
from videobert_modeling.importers.ledger import Ledger
from videobert_modeling.models import S3D, VideoBert, save_weights


def require_new(out: Path) -> None:
    """Refuse to write over something.

    Raises:
        UsageError: `out` exists and is not an empty folder.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError("the place to write to is taken", seen=str(out), fix="Name a new one with --out.")


def write_whole(out: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write a new folder beside `out`, then put it in its place: `out` appears whole or not at all."""
    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name[:64]}."))
    try:
        fill(partial)
        partial.chmod(0o755)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write_folder(
    out: Path,
    *,
    model: VideoBert,
    backbone: S3D,
    recipe: Recipe,
    tokenizer: bytes,
    codebook: Codebook | None,
    ledger: Ledger,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write config, recipe, tokenizer, codebook, weights, `import.json` (the ledger) and a model card.

    Graphs and manifest are written by `videobert build`.

    Raises:
        UsageError: `out` is taken.
        ModelError: the tokenizer does not fit the model, or a weight does not fit `dtype`.
    """
    TextTokenizer(tokenizer, model.config, Limits())

    def fill(folder: Path) -> None:
        _write_json(folder / "config.json", model.config.to_json())
        _write_json(folder / "recipe.json", recipe.to_json())
        _write_json(folder / "import.json", ledger.to_json())
        (folder / "tokenizer.json").write_bytes(tokenizer)
        (folder / "README.md").write_text(_card(model.config, ledger, codebook), encoding="utf-8")
        save_weights(model, backbone, folder / "model.safetensors", dtype)
        if codebook is not None:
            codebook.save(folder / "codebook.safetensors")

    write_whole(out, fill)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _card(config: ModelConfig, ledger: Ledger, codebook: Codebook | None) -> str:
    lines = [
        f"# {config.name}",
        "",
        f"Imported from `{ledger.source}` ({ledger.kind}). `import.json` tells what became of every tensor.",
        "",
        "## What is not trained",
        "",
        *([f"- {part}" for part in ledger.uninitialised] or ["Every part comes from the source."]),
        "",
        "Answers that rest on these parts mean nothing until they are trained.",
        "",
    ]
    if not ledger.uninitialised:
        lines = lines[:-2]
    if codebook is None:
        lines += ["There is no codebook yet: make one with `videobert cluster` and put it into this folder.", ""]
    if ledger.notes:
        lines += ["## Notes of the import", "", *(f"- {note}" for note in ledger.notes), ""]
    lines += ["## Sizes", "", f"- {config.words} words, {config.visual_tokens} visual tokens, one joiner"]
    encoder = config.encoder
    lines += [f"- {encoder.layers} layers, width {encoder.width}, {encoder.heads} heads", ""]
    lines += ["Licence and data are those of the source; add them here.", ""]
    return "\n".join(lines)
