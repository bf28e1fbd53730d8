"""A `ModelSummary` as text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from videobert.report.safe_text import printable
from videobert.report.screen import indent_for, screen, width_of, wrapped
from videobert.report.table import print_line

if TYPE_CHECKING:
    from rich.console import Console

    from videobert.model.config import ModelConfig
    from videobert.model.recipe import Recipe
    from videobert.model.summary import ModelSummary

_NAME_COLUMN = 15
# Below this width names stand on lines of their own.
_LEAST_WIDTH = 50
# A question with more labels shows its first.
_MOST_LABELS, _LABELS_SHOWN = 40, 20


def print_summary(summary: ModelSummary) -> None:
    """Writes the summary to stdout, with styles only on a terminal."""
    console = screen()
    name = "a model folder" if summary.config is None else summary.config.name
    _paragraph(console, name, "bold")
    if summary.card is not None and summary.card.summary:
        _paragraph(console, summary.card.summary)
    console.print()
    for problem in summary.problems:
        _paragraph(console, f"problem: {problem.what}", "yellow")
        _paragraph(console, f"fix: {problem.fix}", "cyan", indent="  ")
    if summary.problems:
        console.print()
    for title, text in (*_knows(summary), *_holds(summary)):
        _row(console, title, text)


def _knows(summary: ModelSummary) -> Iterator[tuple[str, str]]:
    yield "can", ", ".join(summary.verbs) or "nothing yet: see the problems"
    fed = {"openvino": "openvino, from the graphs", "torch": "torch, from the weights"}
    yield "runs with", "; ".join(fed[name] for name in summary.runs_with) or "nothing yet"
    words = summary.words
    if words is not None:
        more = "" if len(words.shown) == words.count else ", … (all: --words)"
        yield "words", f"{words.count:,}: {', '.join(map(_listed, words.shown))}{more}"
        yield "special words", ", ".join(words.special)
    for name, question in summary.questions.items():
        yield "question", f"{name}: {_labels(question.labels)}"
    if summary.card is not None:
        for limit in summary.card.limits:
            yield "limit", limit
    yield "licence", (summary.card.licence if summary.card else None) or "not named in the card (README.md)"


def _labels(labels: tuple[str, ...]) -> str:
    if len(labels) <= _MOST_LABELS:
        return ", ".join(labels)
    return f"{len(labels):,} labels: {', '.join(labels[:_LABELS_SHOWN])}, … (all: --json)"


def recipe_line(recipe: Recipe) -> str:
    """What a clip is, in short."""
    return (
        f"{recipe.frames} frames at {float(recipe.fps):g} a second = {recipe.clip_duration_s:g} s a clip, "
        f"{recipe.crop} × {recipe.crop} pixels, stride {recipe.stride}"
    )


def _encoder(config: ModelConfig) -> tuple[str, str]:
    sizes, towers = config.encoder, config.two_towers
    if towers is not None:
        text = f"{sizes.positions} words of {sizes.width:,} values"
        return "vectors", f"{towers.width:,} values, of a clip and of a text of up to {text}"
    return "encoder", f"{sizes.layers} layers of {sizes.width:,}, {sizes.heads} heads, {sizes.positions:,} positions"


def _holds(summary: ModelSummary) -> Iterator[tuple[str, str]]:
    config, recipe, codebook = summary.config, summary.recipe, summary.codebook
    if codebook is not None:
        tree = " × ".join(f"{nodes:,}" for nodes in codebook.levels)
        yield (
            "codebook",
            f"{codebook.leaves:,} visual tokens of {codebook.dim:,} values"
            + (f", inner levels of {tree} nodes" if tree else ", no tree")
            + (f", trained on {codebook.samples:,} clips" if codebook.samples else ""),
        )
    elif config is not None and not config.has_tokens:
        yield "codebook", "none: the model works on the features of clips"
    if config is not None:
        backbone = config.backbone
        clips = "1 clip" if config.window_clips == 1 else f"{config.window_clips} clips"
        yield "backbone", f"{backbone.kind}, width {backbone.width:g}, {backbone.feature_dim:,} values a clip"
        yield _encoder(config)
        yield "heads", ", ".join(config.heads) or "none"
        if config.untrained:
            yield "untrained", f"{', '.join(config.untrained)}; answers that rest on these mean nothing, and say so"
        yield (
            "window",
            clips
            if config.token_question or not config.has_tokens
            else f"{clips}; out of domain above percentile {config.out_of_domain_percentile:g}",
        )
    if recipe is not None:
        yield "recipe", f"{recipe_line(recipe)}, hash {summary.recipe_hash}"
    weights = "none: graphs only" if summary.parameters is None else f"{summary.parameters:,} numbers"
    yield "weights", weights + (f", manifest {summary.weights}" if summary.weights else "")
    present = [graph.name for graph in summary.graphs if graph.size_bytes is not None]
    yield "graphs", ", ".join(present) or "none"
    for engine in summary.engines:
        what = f"{', '.join(engine.stages)} in {engine.precision}" if engine.stages else "kernels"
        built = "built here" if engine.built_here else "built elsewhere: loads with --trust-engines alone"
        yield "engines", f"{engine.target}: {what}; {_size(engine.size_bytes)}; {built}; {engine.place}"
    if not summary.engines:
        yield "engines", "none compiled ahead"
    yield (
        "folder",
        f"{summary.folder}, {_size(summary.size_bytes)}"
        + (", bundled" if summary.bundled else ", got" if summary.got else ""),
    )


def _listed(word: str) -> str:
    """A word in a list with commas between; one of signs alone is in quotes, to be told from those."""
    return word if any(map(str.isalnum, word)) else f'"{word}"'


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _row(console: Console, title: str, text: str) -> None:
    from rich.text import Text

    width, shown = width_of(sys.stdout), printable(text)
    column = 2 if width is not None and width < _LEAST_WIDTH else _NAME_COLUMN
    room = indent_for(shown, column, width)
    # A path may need all of a line.
    beside = column == room == _NAME_COLUMN
    indent = " " * (room if beside else min(room, 2))
    lines = list(wrapped(shown, width, first=indent, rest=indent))
    if beside:
        print_line(console, Text(title.ljust(_NAME_COLUMN), "dim") + Text(lines.pop(0)[_NAME_COLUMN:], "not dim"))
    else:
        print_line(console, Text(title, "dim"))
    for line in lines:
        print_line(console, Text(line))


def _paragraph(console: Console, text: str, style: str = "", *, indent: str = "") -> None:
    from rich.text import Text

    for line in wrapped(printable(text), width_of(sys.stdout), first=indent, rest=f"{indent}  " if style else indent):
        print_line(console, Text(line, style))
