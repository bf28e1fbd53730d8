"""What the backbone of a model costs and brings on 8-bit values.

    python -m benchmarks.int8 draw MODEL WORK [FILM…]
    python -m benchmarks.int8 points MODEL WORK
    python -m benchmarks.int8 sensitivity MODEL WORK
    python -m benchmarks.int8 tune MODEL WORK
    python -m benchmarks.int8 judge MODEL WORK --out OUT.json
    python -m benchmarks.int8 time MODEL WORK --out OUT.json
    python -m benchmarks.int8 processors MODEL WORK --out OUT.json
    python -m benchmarks.int8 publish MODEL WORK --out OUT.json --points POINT

`draw` cuts windows out of films and keeps them in WORK: of every fifth film clips to make points on, of the others
windows to judge them on. Without films those of the world of `shapes` are drawn. `points` makes points by every rule;
`sensitivity` measures products one by one and adds points with the worst ones kept; `tune` adds one whose ranges were
tuned against features in fp32. `judge` compares tokens. `time` takes turns, and so does `processors`, in processes that
may use fewer instructions; both want a machine that does nothing else. `publish` writes a point, with what OUT.json
says of it, where the product has it. All but `draw` go on where they were stopped. `--labels` names JSON with right
labels by film.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.int8 import points, processors, sensitivity, timing
from benchmarks.int8.agreement import Judge
from benchmarks.int8.stage_runs import kept_features
from benchmarks.int8.tuned import tuned
from benchmarks.int8.windows import split, whole_clips, windows
from videobert.bench.environment import environment
from videobert.engines.openvino_int8_error import bias_corrected
from videobert.model.folder import ModelFolder
from videobert.model.int8_file import Int8Judged, Int8Model
from videobert.model.int8_points import POINTS
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.mending import CODEBOOK
from videobert.model.stage_lists import BACKBONE
from videobert.visual.codebook import Codebook

CALIBRATION_CLIPS, FILM_WINDOWS, SENSITIVITY_CLIPS = 32, 5, 8
# The point that products are kept out of.
BEST = "squares, bias"


def draw(folder: ModelFolder, work: Path, films: list[Path], each: int) -> None:
    """Write `calibration.npy`, `windows.npy` and which film each of the windows is of."""
    work.mkdir(parents=True, exist_ok=True)
    made_on, judged_on = split(films)
    few = -(-CALIBRATION_CLIPS // len(made_on))
    clips = [clip for film in made_on for clip in whole_clips(film, folder.recipe, few)][:CALIBRATION_CLIPS]
    np.save(work / "calibration.npy", np.stack(clips))
    names, found = [], []
    for film in judged_on:
        cut = list(windows(film, folder.recipe, each))
        names += [film.name] * len(cut)
        found += cut
    np.save(work / "windows.npy", np.stack(found))
    drawn = {"calibration_films": [film.name for film in made_on], "windows": names}
    (work / "drawn.json").write_text(json.dumps(drawn, indent=1) + "\n", encoding="utf-8")
    print(len(clips), "clips to make points on,", len(found), "windows of", len(set(names)), "films")


def shapes_films(place: Path) -> list[Path]:
    """Films of the world of `shapes` with backgrounds that training does not have."""
    from benchmarks.exact_tokens import drawn
    from videobert_modeling.train.shapes.media import write_film

    return [write_film(film, place, f"{number:04}") for number, film in enumerate(drawn("judge"))]


def judge(
    folder: ModelFolder, work: Path, labels: dict[str, list[str]], seconds: float, only: list[str] | None
) -> dict[str, Any]:
    """The agreement of each point, on as many windows as time is for; nothing where some have no features yet."""
    drawn = json.loads((work / "drawn.json").read_text(encoding="utf-8"))
    known = points.read(work / "points.json")
    windows = np.load(work / "windows.npy", mmap_mode="r")
    found = kept_features(folder, known, windows, work, seconds, only)
    count = len(found["fp32"])
    if not count:
        return {}
    question = next(iter((folder.config.questions or {}).values()), None)
    ids = {} if question is None else {label: number for number, label in enumerate(question.labels)}
    names = drawn["windows"][:count]
    right = [frozenset(ids[each] for each in labels.get(name, ()) if each in ids) for name in names]
    judged = Judge(Codebook.from_bytes(folder.read(CODEBOOK)), found["fp32"], right)
    rows = {name: judged.of(each) for name, each in found.items()}
    for name, row in rows.items():
        if name in known:
            row["products"] = len(known[name].tops)
        print(name, row["same_token"], row["median_error"])
    return {
        "model": folder.config.name,
        "windows": count,
        "films": len(set(names)),
        "calibration_films": len(drawn["calibration_films"]),
        "points": rows,
    }


def publish(folder: ModelFolder, ranges: Int8Ranges, row: dict[str, Any]) -> None:
    """Write what `int8.json` would hold among the points that are known; its name there is given by hand."""
    token, sure = row["same_token"], row["same_token_not_near_a_tie"]
    judged = Int8Judged(
        clips=token["of"], same=token["hits"], sure=sure["of"], sure_same=sure["hits"], error=row["median_error"]
    )
    model = Int8Model(stages={BACKBONE: ranges}, judged=judged)
    content = json.dumps(model.to_json(), separators=(",", ":")) + "\n"
    (POINTS / f"{folder.config.name}.json").write_text(content, encoding="utf-8")


def main() -> None:
    """Read the arguments and do one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", choices=("draw", "points", "sensitivity", "tune", "judge", "time", "processors", "publish")
    )
    parser.add_argument("model")
    parser.add_argument("work", type=Path)
    parser.add_argument("films", type=Path, nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--labels", type=Path, help='JSON: {"film.mp4": ["label", …]}')
    parser.add_argument("--windows", type=int, default=FILM_WINDOWS, help="of each film")
    parser.add_argument("--points", nargs="*", help="which ones; of judge, which features to compute")
    parser.add_argument("--seconds", type=float, default=1e9, help="of sensitivity, tune and judge: stop then")
    given = parser.parse_args()
    folder, work = ModelFolder(given.model), given.work
    made = work / "points.json"
    if given.what == "draw":
        with tempfile.TemporaryDirectory() as place:
            draw(folder, work, given.films or shapes_films(Path(place)), given.windows)
        return
    clips = np.load(work / "calibration.npy")
    if given.what == "points":
        points.write(points.by_rule(folder, BACKBONE, [clip[None] for clip in clips]), made)
        return
    if given.what == "sensitivity":
        whole = points.read(made)[BEST]
        some = clips[:: len(clips) // SENSITIVITY_CLIPS][:SENSITIVITY_CLIPS]
        errors = sensitivity.one_by_one(folder, whole, some, work / "sensitivity.json", given.seconds)
        if len(errors) == len(whole.tops):
            points.write(points.with_kept(whole, BEST, sensitivity.worst_first(errors)), made)
        return
    if given.what == "tune":
        ranges = tuned(folder, points.read(made)[BEST], clips, work / "tuned.json", given.seconds)
        if ranges is not None:
            corrected = bias_corrected(folder, BACKBONE, ranges, [clip[None] for clip in clips])
            points.write({f"{BEST}, tuned": corrected}, made)
        return
    said = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    if given.what == "publish":
        (point,) = given.points
        publish(folder, points.read(made)[point], said["points"][point])
        return
    said["environment"] = environment("openvino", "av", "numpy")
    if given.what == "judge":
        labels = json.loads(given.labels.read_text(encoding="utf-8")) if given.labels else {}
        said |= judge(folder, work, labels, given.seconds, given.points)
        if (path := work / "sensitivity.json").exists():
            errors = json.loads(path.read_text(encoding="utf-8"))
            said["sensitivity"] = {"error": {name: errors[name] for name in sensitivity.worst_first(errors)}}
    else:
        known = points.read(made)
        chosen = {name: known[name] for name in given.points or [BEST]}
        step = timing.turns if given.what == "time" else processors.turns
        said[given.what] = step(folder, chosen, clips[0])
    given.out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
