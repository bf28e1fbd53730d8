"""`videobert features`: a video as the features of its clips, to be kept for later questions."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.inputs import Input
from videobert.cli.notes import note_answer
from videobert.cli.output_file import write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import print_rows
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.runtime import Runtime
    from videobert.visual.video_features import VideoFeatures


@command
def features(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or folders of videos; - reads standard input.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.vbf",
            help="Save the features, to be used wherever a video is: 0.6 KB a clip of `shapes`, 4 KB of `everyday`. "
            "A folder, for several videos.",
            show_default=False,
        ),
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Keep what the networks see in a video, so that later questions need neither the video nor the backbone.

    Example: videobert features clip.mp4 --out clip.vbf
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> VideoFeatures:
        return model.features(video, stride=options.stride, track=options.track, on_progress=bar)

    answer_each(videos, options, ask, partial(_tell, options), out=out, suffix=".vbf")


def _tell(options: VideoOptions, found: VideoFeatures, about: Input) -> None:
    note_answer(found, options)
    out = about.out
    if out is not None:
        content = found.to_bytes()
        write_output(out, content, options, holds=f"{len(found)} clips, {len(content)} bytes")
    if options.json:
        about.print_json(_told(found, out))
    elif out is None:
        about.print_heading()
        clips = zip(found.start_s, found.end_of_clip_s, found.features, strict=True)
        print_rows(
            ("time", "feature", "norm"),
            [
                (span(start_s, end_s), f"{len(row)} values", f"{math.hypot(*row.tolist()):.4g}")
                for start_s, end_s, row in clips
            ],
        )


def _told(found: VideoFeatures, out: Path | None) -> dict[str, Any]:
    """Everything but the numbers themselves, which are for a file."""
    return {
        "file": out,
        "features": list(found.features.shape),
        "pictures": {name: list(rows.shape) for name, rows in found.pictures.items()},
        "start_s": found.start_s,
        "end_s": found.end_of_clip_s,
        "padded_frames": found.padded_frames,
        "stride": found.stride,
        "clip_s": found.clip_s,
        "clip_s_exact": str(found.clip_s),
        "cuts_s": found.cuts_s,
        "model": found.model,
        "backbone": found.backbone,
        "clip_recipe": found.clip_recipe,
        "engine": found.engine,
        "precision": found.precision,
        "origin": found.origin,
    }
