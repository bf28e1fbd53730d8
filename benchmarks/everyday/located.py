"""How well `locate` finds actions in films of several clips: `python benchmarks/everyday/located.py CLIPS OUT.json`.

CLIPS is a folder of clips, those of the three actions among them; the films are those of `joined_films.py`, each of all
clips in an order of its own. A query is right if the first hit and the clip overlap by half of what both cover. With
`--kept FOLDER` the films that `joined_films.py` wrote there are asked about, and their features are kept beside them as
`film_0.vf`, … for the next run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from joined_films import clips_of, read_films, write_films

import videobert
from videobert.bench.environment import environment

QUERIES = {
    "arm_wrestling": ("people arm wrestling", "two men arm wrestling at a table", "a contest of strength at a table"),
    "flipping_pancake": ("flipping a pancake", "someone flips a pancake in a pan", "cooking in a frying pan"),
    "playing_cricket": ("a cricket match", "people playing cricket", "a batsman hits the ball"),
}
# What no clip shows: a hit is a wrong one.
ABSENT = ("playing the piano", "swimming in a pool", "surgery", "snow", "a horse race", "knitting")
# Nor these, of which some are much like what one shows; nothing was chosen by them.
MORE_ABSENT = (
    *(
        "playing the guitar",
        "a wedding",
        "brushing teeth",
        "a football match",
        "skiing down a slope",
        "a cat on a sofa",
    ),
    *("riding a camel", "a fire in a forest", "washing dishes", "typing on a keyboard", "blowing out candles"),
    *("people dancing in a club", "shaving a beard", "a spaceship launch", "milking a cow", "rock climbing"),
    *("ironing a shirt", "reading a book", "eating spaghetti", "a man plays the violin", "boxing", "someone cuts hair"),
    *("playing tennis", "a birthday cake", "petting a dog"),
)


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two stretches share over what they cover together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def main() -> None:
    """Write the films, ask about them, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kept", type=Path)
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    wrong: dict[tuple[str, ...], list[dict[str, object]]] = {ABSENT: [], MORE_ABSENT: []}
    with videobert.load("everyday") as model, tempfile.TemporaryDirectory() as folder:
        for film in read_films(asked.kept) if asked.kept else write_films(clips_of(asked.clips), Path(folder)):
            kept = film.path.with_suffix(".vf")
            if not kept.exists():
                model.features(film.path).save(kept)
            seen = videobert.VideoFeatures.load(kept)
            for span in film.spans:
                for query in QUERIES.get(Path(span.clip).stem, ()):
                    hits = model.locate(seen, query).hits
                    best = overlap((hits[0].start_s, hits[0].end_s), (span.start_s, span.end_s)) if hits else 0.0
                    rows.append({"film": film.path.name, "query": query, "overlap": round(best, 3)})
            for absent, told in wrong.items():
                for query in absent:
                    for hit in model.locate(seen, query, top=1):
                        said = {"score": round(hit.score, 3), "unsure": hit.unsure}
                        told.append({"film": film.path.name, "query": query, **said})
    overlaps = [float(str(row["overlap"])) for row in rows]
    films = len({row["film"] for row in rows})
    result = {
        "environment": environment("openvino", "numpy", "av"),
        "queries": len(rows),
        "first_hit_at_0.5": sum(each >= 0.5 for each in overlaps),
        "first_hit_at_0.7": sum(each >= 0.7 for each in overlaps),
        "least_overlap": min(overlaps),
        "absent_queries": len(ABSENT) * films,
        "absent_with_a_hit": len(wrong[ABSENT]),
        "absent_with_a_sure_hit": sum(not each["unsure"] for each in wrong[ABSENT]),
        "more_absent_queries": len(MORE_ABSENT) * films,
        "more_absent_with_a_hit": len(wrong[MORE_ABSENT]),
        "more_absent_with_a_sure_hit": sum(not each["unsure"] for each in wrong[MORE_ABSENT]),
        "each": rows,
        "wrong": wrong[ABSENT],
        "more_wrong": wrong[MORE_ABSENT],
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
