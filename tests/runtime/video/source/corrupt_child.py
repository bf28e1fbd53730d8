"""Opens seeded mutations of the clips in a folder and prints what became of each; run as a process of its own.

    python corrupt_child.py FOLDER FIRST_SEED LAST_SEED

One line goes out before each file and one after, with its seconds of processor time, so that the parent knows which
file a crash, a hang or a delay belongs to.
"""

from __future__ import annotations

import io
import random
import sys
import time
from pathlib import Path

from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips


def truncate(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    return bytes(data[: rng.randrange(len(data))])


def flip_bits(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    for _ in range(rng.choice([1, 4, 30])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def damage_header(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    for _ in range(rng.choice([1, 3, 10])):
        data[rng.randrange(min(len(data), 600))] = rng.choice([0, 0xFF, 0x7F, 0x80, rng.randrange(256)])
    return bytes(data)


def damage_tail(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    for _ in range(rng.choice([1, 3, 10])):
        data[-1 - rng.randrange(min(len(data), 900))] = rng.choice([0, 0xFF, 0x7F, 0x80, rng.randrange(256)])
    return bytes(data)


def blank_block(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    at, length = rng.randrange(len(data)), rng.randrange(1, 2000)
    data[at : at + length] = bytes([rng.choice([0, 255])]) * len(data[at : at + length])
    return bytes(data)


def remove_block(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 3000)]
    return bytes(data)


def repeat_block(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    at = rng.randrange(len(data))
    block = data[at : at + rng.randrange(1, 1500)]
    return bytes(data[:at] + block * rng.choice([2, 20]) + data[at:])


def splice(data: bytearray, rng: random.Random, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    return bytes(data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :])


def scramble(data: bytearray, rng: random.Random, _: list[bytes]) -> bytes:
    at = rng.randrange(len(data))
    data[at : at + 400] = rng.randbytes(len(data[at : at + 400]))
    return bytes(data)


MUTATIONS = [
    truncate, flip_bits, damage_header, damage_tail, blank_block, remove_block, repeat_block, splice, scramble,
]  # fmt: skip


def outcome(source: object) -> str:
    try:
        with open_clips(source, Recipe(frames=5, short_side=32, crop=32), limits=Limits(max_duration_s=60.0)) as stream:
            frames = sum(len(clip.frames) for clip in stream)
            return f"frames {frames} damaged {stream.info.damaged_packets}"
    except InputError as error:
        if not str(error) or not error.what:
            return "untold"
        return type(error).__name__


def main(folder: Path, first: int, last: int) -> None:
    clips = sorted(p for p in folder.iterdir() if p.is_file())
    contents = [p.read_bytes() for p in clips]
    scratch = folder / "mutated"
    scratch.mkdir(exist_ok=True)
    for seed in range(first, last):
        rng = random.Random(seed)
        which = seed % len(clips)
        mutation = rng.choice(MUTATIONS)
        data = mutation(bytearray(contents[which]), rng, contents)
        print(f"start {seed} {clips[which].name} {mutation.__name__} {len(data)}", flush=True)
        began = time.process_time()
        if seed % 3:
            path = scratch / f"{seed}{clips[which].suffix}"
            path.write_bytes(data)
            result = outcome(path)
            path.unlink()
        else:
            result = outcome(io.BytesIO(data))
        print(f"end {seed} {time.process_time() - began:.3f} {result}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
