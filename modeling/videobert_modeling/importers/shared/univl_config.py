"""What stands in the configurations beside a UniVL checkpoint and cannot be read off its tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.arguments import as_whole
from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.univl_layout import UnivlSizes

PARTS = ("text", "visual", "cross", "decoder")
_CONFIG_BYTES = 2**20
# In one file, by part or for all of them, or in a file for each, as the program's own folders have them.
_ALL = "config.json"
_FILES = {
    "text": "bert_config.json",
    "visual": "visual_config.json",
    "cross": "cross_config.json",
    "decoder": "decoder_config.json",
}
_OTHER = "Put the configuration that belongs to these weights beside them, or none."


@dataclass(frozen=True, slots=True)
class UnivlConfig:
    """Fields by part: `text`, `visual`, `cross` and `decoder`; empty where nothing lies beside the weights."""

    fields: Mapping[str, Mapping[str, Any]]

    def heads(self) -> dict[str, int | None]:
        """Attention heads of each part; None where nobody says."""
        return {part: self._whole(part, "num_attention_heads") for part in PARTS}

    def longest_sentence(self) -> int | None:
        """Places that the decoder was trained with; None where nobody says."""
        return self._whole("decoder", "max_target_embeddings")

    def check(self, sizes: UnivlSizes) -> None:
        """Whether the configurations say of the sizes what the tensors show.

        Of layers they do not: the program's own files say one, whatever was trained.

        Raises:
            ModelError: one differs.
        """
        streams = sizes.streams
        stacks = {"text": sizes.encoder, "visual": streams.video, "cross": streams.fusion, "decoder": streams.decoder}
        for part, stack in stacks.items():
            if stack is None:
                continue
            found = {"hidden_size": stack.width, "intermediate_size": stack.feed_forward}
            if part == "text":
                found["vocab_size"] = sizes.words
            if part != "decoder":
                found["max_position_embeddings"] = stack.positions
            # A file for all parts says what they share.
            shared = part == "text" or self.fields.get(part) is not self.fields.get("text")
            for name, size in found.items():
                said = self._whole(part, name)
                if said not in (None, size) and (shared or name == "hidden_size"):
                    raise ModelError(
                        f"the configuration does not describe these weights: {name} of {part}",
                        seen=said,
                        allowed=size,
                        fix=_OTHER,
                    )

    def _whole(self, part: str, name: str) -> int | None:
        fields = self.fields.get(part, {})
        if name not in fields:
            return None
        number = as_whole(fields[name])
        if number is None or number < 1:
            raise ModelError(
                f"the configuration of {part} is wrong: {name}", seen=fields[name], allowed="a whole number", fix=_OTHER
            )
        return number


def univl_config(weights: Path) -> UnivlConfig:
    """What lies beside a weights file.

    Raises:
        ModelError: a file is damaged, or describes a network with another activation.
    """
    whole = _read(weights.parent / _ALL)
    by_part = any(isinstance(whole.get(part), dict) for part in PARTS)
    fields = {part: (whole.get(part) or {}) if by_part else whole for part in PARTS}
    for part, name in _FILES.items():
        own = _read(weights.parent / name)
        fields[part] = own or fields[part]
    for part, said in fields.items():
        if not isinstance(said, dict):
            raise ModelError(f"the configuration of {part} is no object", seen=type(said).__name__, fix=_OTHER)
        if said.get("hidden_act", "gelu") != "gelu":
            raise ModelError(
                f"the configuration of {part} is not UniVL's: hidden_act",
                seen=said["hidden_act"],
                allowed="gelu",
                fix=_OTHER,
            )
    return UnivlConfig(fields)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise ValueError(f"larger than {_CONFIG_BYTES} bytes")
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"the {path.name} beside the weights cannot be read", seen=str(error), fix=_OTHER) from error
    return fields
