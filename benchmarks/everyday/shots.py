"""Shots of films by the network in short windows, and in windows as published: `python benchmarks/everyday/shots.py
FILMS.json MODEL OUT.json`.

As the network was published it is shown 100 frames, of which the middle half counts, and a frame belongs to a
transition from a probability of 0.5. The model asks it in shorter windows, with a threshold of its own, and only where
plain hard cuts do not explain what changes. MODEL is a folder of `videobert get everyday`. After --seconds it stops;
the next run goes on with the films that OUT.json does not have.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from films import check, read

from videobert import load
from videobert.base.errors import VideoBertError
from videobert.base.limits import Limits
from videobert.bench.environment import environment
from videobert.model.stage_lists import SHOT_BOUNDARIES, SHOT_FRAMES
from videobert.pipeline.cut_detectors import NetworkCuts, first_frames
from videobert.video.small_frames import small_frames
from videobert_modeling.models.stage_modules import ShotStage
from videobert_modeling.models.weights import load_weights

PUBLISHED_FRAMES, PUBLISHED_CONTEXT, PUBLISHED_LEAST = 100, 25, 0.5
MOST_FRAMES = 500

Film = npt.NDArray[np.uint8]


def published(network: ShotStage, film: Film) -> list[int]:
    """First frames of shots by every window of the published length."""
    step = PUBLISHED_FRAMES - 2 * PUBLISHED_CONTEXT
    around = np.concatenate(
        [film[:1].repeat(PUBLISHED_CONTEXT, 0), film, film[-1:].repeat(PUBLISHED_FRAMES, 0)], dtype=np.uint8
    )
    found = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(film), step):
            window = torch.from_numpy(around[None, start : start + PUBLISHED_FRAMES])
            logits = network(window)[0, PUBLISHED_CONTEXT : PUBLISHED_CONTEXT + step]
            found.append(logits.float().sigmoid().numpy())
    return first_frames(np.concatenate(found)[: len(film)], PUBLISHED_LEAST)


class Asked:
    """The stage of an opened model, counted."""

    def __init__(self, model: Any) -> None:
        self.model, self.windows = model, 0

    def __call__(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        self.windows += 1
        found: npt.NDArray[Any] = self.model._opened.run(stage, **inputs)
        return found


def as_built(asked: Asked, film: Film, least: float) -> list[int]:
    """First frames of shots as the model finds them."""
    cuts = NetworkCuts(asked, least, beside=False, cancel=None)
    for number, picture in enumerate(film):
        cuts.add(picture, number / 25)
    return [round(time * 25) for time in cuts.finish()]


def main() -> None:
    """Read the arguments, compare, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folder", type=Path, help="where the films lie; beside the manifest by default")
    parser.add_argument("--every", type=int, default=3, help="take every so many of the films")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop then; the next run goes on")
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    _, weights = load_weights(given.model)
    assert weights.shot_boundaries is not None, "this model has no network for shots"
    network = ShotStage(weights.shot_boundaries).eval()
    before = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    rows, left_out = before.get("each", []), before.get("left_out", [])
    done = {row["sha256"] for row in rows} | {row["sha256"] for row in left_out}
    with load(given.model) as model:
        shots = model.config.shots
        assert shots is not None
        for film in read(given.films, given.folder).films[:: given.every]:
            check(film)
            if film.sha256 in done:
                continue
            if time.monotonic() > end:
                break
            try:
                frames = small_frames(film.path, model.recipe, limits=Limits())
                seen = np.stack([picture for picture, _ in islice(frames, MOST_FRAMES)])
            except VideoBertError as error:
                left_out.append({"title": film.title, "sha256": film.sha256, "reason": error.args[0]})
                continue
            asked = Asked(model)
            short = as_built(asked, seen, shots.probability_at_least)
            rows.append(
                {
                    "title": film.title,
                    "sha256": film.sha256,
                    "frames": len(seen),
                    "published": published(network, seen),
                    "as_built": short,
                    "windows_asked": asked.windows,
                }
            )
            print(rows[-1]["title"], rows[-1]["published"], short, asked.windows, flush=True)
    pairs = [(set(row["published"]), set(row["as_built"])) for row in rows]
    result = {
        "environment": environment("openvino", "numpy", "torch"),
        "stage": SHOT_BOUNDARIES,
        "frames_a_window": SHOT_FRAMES,
        "films": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "windows_asked": sum(row["windows_asked"] for row in rows),
        "in_both": sum(len(one & other) for one, other in pairs),
        "published_only": sum(len(one - other) for one, other in pairs),
        "as_built_only": sum(len(other - one) for one, other in pairs),
        "each": rows,
        "left_out": left_out,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
