"""Films that join several clips, cut by a sentence: `python benchmarks/everyday/joined_edits.py FILMS_DIR MODEL OUT`.

FILMS_DIR is what `joined_films.py` wrote, OUT a JSON file. Every film is cut by `keep only …` for the three actions of
`QUERIES` together; the stretches that were taken for each are held against where its clip is. The cut film is decoded,
and each of its frames is held against the source's frame that the plan names. The plan goes out as a CMX 3600 list, as
OpenTimelineIO and as our own JSON, and comes back.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from joined_films import JoinedFilm, Span, read_films

import videobert
from videobert.bench.environment import environment

QUERIES = {
    "arm_wrestling": "two men are arm wrestling",
    "flipping_pancake": "someone flips a pancake",
    "playing_cricket": "people are playing cricket",
}


def overlap(stretches: tuple[videobert.SoughtStretch, ...], span: Span) -> float:
    """Intersection over union of all that was taken with where the clip is."""
    taken = sum(each.end_s - each.start_s for each in stretches)
    both = sum(max(0.0, min(each.end_s, span.end_s) - max(each.start_s, span.start_s)) for each in stretches)
    return both / (taken + span.end_s - span.start_s - both)


def luma(path: Path) -> Iterator[np.ndarray[Any, Any]]:
    """The brightness of each picture, `(height, width)`."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            planes = frame.to_ndarray(format="yuv420p")
            yield planes[: frame.height]


def held(source: Path, cut: Path, plan: videobert.EditPlan) -> tuple[int, int, float]:
    """How many frames are not the source's that the plan names, how many cannot be told, and the lowest PSNR, in dB.

    A frame is another's if one of the source's next to it is more like it; it cannot be told where that one is a repeat
    of its own, to within less than what encoding changed.
    """
    own = list(luma(source))
    wrong, repeats, worst = 0, 0, 99.0
    numbers = [n for span in plan.spans for n in range(span.first_frame, span.first_frame + span.frames)]
    frames = list(luma(cut))
    wrong += abs(len(frames) - len(numbers))
    for number, frame in zip(numbers, frames, strict=False):
        near = [n for n in (number, number - 1, number + 1) if 0 <= n < len(own)]
        errors = [difference(own[n], frame) for n in near]
        if errors[0] > min(errors) + 1e-9:
            is_repeat = difference(own[number], own[near[int(np.argmin(errors))]]) < errors[0]
            repeats += is_repeat
            wrong += not is_repeat
        worst = min(worst, 99.0 if errors[0] == 0 else 10 * np.log10(255**2 / errors[0]))
    return wrong, repeats, round(float(worst), 2)


def difference(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """The mean squared difference of two pictures."""
    return float(np.mean((one.astype(np.float32) - other) ** 2))


def comes_back(plan: videobert.EditPlan, source: Path, folder: Path) -> dict[str, bool]:
    """Whether each form of the list gives the plan's own spans back."""
    wanted = [(each.start_s, each.end_s) for each in plan.spans]
    found = {}
    for suffix in (".edl", ".otio", ".json"):
        videobert.write_edit_list(plan, folder / f"cut{suffix}")
        found[suffix] = bool(np.allclose(videobert.read_edit_list(folder / f"cut{suffix}", source), wanted, atol=1e-6))
    return found


def one(model: videobert.Runtime, film: JoinedFilm, folder: Path) -> dict[str, Any]:
    """Cut one film, and hold it against what it should be."""
    instruction = "keep only " + " and ".join(f'"{query}"' for query in QUERIES.values())
    began = time.perf_counter()
    plan = model.edit(film.path, instruction)
    planned_s = time.perf_counter() - began
    cut = folder / "cut.mp4"
    began = time.perf_counter()
    written = videobert.write_film(film.path, plan, cut)
    written_s = time.perf_counter() - began
    wrong, repeats, worst = held(film.path, cut, plan)
    sought = {each.text: each.stretches for each in plan.sought}
    return {
        "film": film.path.name,
        "iou": {clip: round(overlap(sought[query], film.span(clip)), 3) for clip, query in QUERIES.items()},
        "wrong_frames": wrong,
        "repeats_not_told_apart": repeats,
        "worst_psnr_db": worst,
        "method": written.method,
        "frames": written.frames,
        "frames_copied": written.frames_copied,
        "comes_back": comes_back(plan, film.path, folder),
        "planned_s": round(planned_s, 1),
        "written_s": round(written_s, 2),
    }


def measured(name: str, films: list[JoinedFilm], number: int | None) -> tuple[list[dict[str, Any]], Any]:
    """The figures of all films, or one, and the model's origin."""
    told = []
    with videobert.load(name) as model, tempfile.TemporaryDirectory() as folder:
        for film in films if number is None else [films[number]]:
            told.append(one(model, film, Path(folder)))
            print(told[-1], file=sys.stderr, flush=True)
        return told, videobert.to_json(model.origin)


def main() -> None:
    """Read the arguments, cut every film, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    parser.add_argument("--film", type=int, default=None, help="the film of this number alone, from 0")
    parser.add_argument("--join", type=Path, nargs="+", help="what runs of one film each wrote, to be put together")
    given = parser.parse_args()
    if given.join:
        runs = [json.loads(path.read_text(encoding="utf-8")) for path in given.join]
        told, origin = [film for run in runs for film in run["films"]], runs[0]["origin"]
        if any(run["origin"] != origin for run in runs) or len({film["film"] for film in told}) != len(told):
            parser.error("these runs are not of one model, or not of a film each")
    else:
        told, origin = measured(given.model, read_films(given.films), given.film)
    ious = [iou for each in told for iou in each["iou"].values()]
    result = {
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(),
        "origin": origin,
        "queries": QUERIES,
        "least_iou": min(ious),
        "mean_iou": round(sum(ious) / len(ious), 3),
        "wrong_frames": sum(each["wrong_frames"] for each in told),
        "repeats_not_told_apart": sum(each["repeats_not_told_apart"] for each in told),
        "films": told,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
