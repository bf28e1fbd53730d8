"""`README.md` of `everyday`: what it knows, what it was set on, what it cannot do, whose weights it has."""

from __future__ import annotations

from pathlib import Path

from videobert.families.verbs_of import with_section
from videobert.get.catalogue import Obtainable
from videobert.get.everyday_config import DATA
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe


def write_card(path: Path, model: Obtainable, config: ModelConfig, recipe: Recipe) -> None:
    """Write the card from its text in `data/everyday_card.md`, whose words in braces stand for what follows."""
    rows = [
        f"| {each.weights} | `{each.package}` {each.version} | {each.licence} | `{each.sha256[:16]}…` |"
        for each in model.sources
    ]
    thresholds = []
    for name, question in config.questions.items():
        if question.abstain is not None:
            least = question.abstain
            beside = ", with a neighbour" if least.with_neighbour else ""
            asked = [
                text
                for text, value in (
                    (f"energy of the logits below {least.energy_at_least}{beside}", least.energy_at_least),
                    (f"probability below {least.probability_at_least}", least.probability_at_least),
                )
                if value is not None
            ]
            thresholds.append(f"- `{name}`: {' or '.join(asked) or 'never'} is unsure.")
    text = (DATA / "everyday_card.md").read_text(encoding="utf-8")
    for word, value in {
        "name": model.name,
        "frames": str(recipe.frames),
        "fps": f"{float(recipe.fps):g}",
        "seconds": f"{recipe.clip_duration_s:g}",
        "sources": "\n".join(rows),
        "thresholds": "\n".join(thresholds),
    }.items():
        text = text.replace(f"{{{word}}}", value)
    path.write_text(with_section(text, config, sees=True), encoding="utf-8")
