"""The model card of a folder that was imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videobert.families.registry import capabilities_of
from videobert.families.verbs_of import section_of
from videobert.model.config import ModelConfig

# How an account's list of untrained parts calls the visual half of the token table.
VISUAL_ROWS = "visual rows of the token table"


def card_of(config: ModelConfig, account: Mapping[str, Any], *, sees: bool) -> str:
    """The text of `README.md`.

    Args:
        account: `import.json`, see `Ledger.to_json`.
        sees: whether the folder has a codebook.
    """
    untrained, notes = account["uninitialised"], account["notes"]
    lines = [
        f"# {config.name}",
        "",
        f"Imported from `{account['source']}` ({account['kind']}). `import.json` tells what became of every tensor.",
        "",
        "## What is not trained",
        "",
        *([f"- {part}" for part in untrained] or ["Every part comes from the source."]),
        "",
    ]
    if untrained:
        lines += ["Answers that rest on these parts mean nothing until they are trained.", ""]
    sees = sees or not config.has_tokens
    if not sees and capabilities_of(config) == {"forecasts"}:
        # It tells the tokens that it was trained on, and no others: another codebook would make them mean nothing.
        lines += ["There is no codebook: import again with `--centroids`, those that the model was trained with.", ""]
    elif not sees and any(part.startswith(VISUAL_ROWS) for part in untrained):
        lines += [
            "There is no codebook yet: make one with `videobert cluster VIDEOS --model FOLDER`, then run "
            "`videobert build FOLDER`.",
            "",
        ]
    elif not sees and config.has_tokens:
        lines += [
            "There is no codebook: import again with `--centroids`, those that the visual rows were trained with. "
            "`videobert cluster VIDEOS --model FOLDER` makes another one and starts the rows anew.",
            "",
        ]
    if notes:
        lines += ["## Notes of the import", "", *(f"- {note}" for note in notes), ""]
    lines += [section_of(config, sees=sees), "", "## Sizes", "", *_sizes(config), ""]
    lines += ["Licence and data are those of the source; add them here.", ""]
    return "\n".join(lines)


def _sizes(config: ModelConfig) -> list[str]:
    encoder, towers = config.encoder, config.two_towers
    if towers is not None:
        return [f"- {config.words - 1} words, vectors of {towers.width} values for texts and clips"]
    tokens = f"{config.visual_tokens} visual tokens, one joiner" if config.has_tokens else "no visual tokens"
    tokens = tokens.removesuffix(", one joiner") if config.family == "next_token" else tokens
    return [
        f"- {config.words} words, {tokens}",
        f"- {encoder.layers} layers, width {encoder.width}, {encoder.heads} heads",
    ]
