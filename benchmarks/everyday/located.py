"""How well `locate` finds actions in films of several clips: `python benchmarks/everyday/located.py CLIPS OUT.json`.

CLIPS is a folder of clips, those of the three actions among them; the films are those of `joined_films.py`, each of all
clips in an order of its own. A query is right if the first hit and the clip overlap by half of what both cover.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from joined_films import clips_of, write_films

import videobert
from videobert.bench.environment import environment

QUERIES = {
    "arm_wrestling": ("people arm wrestling", "two men arm wrestling at a table", "a contest of strength at a table"),
    "flipping_pancake": ("flipping a pancake", "someone flips a pancake in a pan", "cooking in a frying pan"),
    "playing_cricket": ("a cricket match", "people playing cricket", "a batsman hits the ball"),
}
# What no clip shows: a hit is a wrong one.
ABSENT = ("playing the piano", "swimming in a pool", "surgery", "snow", "a horse race", "knitting")


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two stretches share over what they cover together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def main() -> None:
    """Write the films, ask about them, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    wrong: list[dict[str, object]] = []
    with videobert.load("everyday") as model, tempfile.TemporaryDirectory() as folder:
        for film in write_films(clips_of(asked.clips), Path(folder)):
            seen = model.features(film.path)
            for span in film.spans:
                for query in QUERIES.get(Path(span.clip).stem, ()):
                    hits = model.locate(seen, query).hits
                    best = overlap((hits[0].start_s, hits[0].end_s), (span.start_s, span.end_s)) if hits else 0.0
                    rows.append({"film": film.path.name, "query": query, "overlap": round(best, 3)})
            for query in ABSENT:
                for hit in model.locate(seen, query, top=1):
                    told = {"score": round(hit.score, 3), "unsure": hit.unsure}
                    wrong.append({"film": film.path.name, "query": query, **told})
    overlaps = [float(str(row["overlap"])) for row in rows]
    result = {
        "environment": environment("openvino", "numpy", "av"),
        "queries": len(rows),
        "first_hit_at_0.5": sum(each >= 0.5 for each in overlaps),
        "first_hit_at_0.7": sum(each >= 0.7 for each in overlaps),
        "least_overlap": min(overlaps),
        "absent_queries": len(ABSENT) * len({row["film"] for row in rows}),
        "absent_with_a_hit": len(wrong),
        "absent_with_a_sure_hit": sum(not each["unsure"] for each in wrong),
        "each": rows,
        "wrong": wrong,
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
