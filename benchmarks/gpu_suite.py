"""Every GPU test and every GPU figure by value, within a budget of minutes, and one JSON file of the results.

    python benchmarks/gpu_suite.py OUT.json              needs a GPU, torch >= 2.11, triton >= 3.6, numpy, pytest
    python benchmarks/gpu_suite.py OUT.json --resume OUT.json     what is missing there, and nothing else
    python benchmarks/gpu_suite.py OUT.json --dry-run    no GPU: goes through every part at a tiny size, takes no times

First the correctness of every kernel in half precision, then the figures that count, then questions about the machine,
then the rest. A part that does not fit into the time that is left is left out and listed; one that hangs is ended. The
file is whole at every moment, whenever the suite is killed. Parity comes before time: a case whose answer is wrong has
no speed. A case that fails, crashes or does not come back costs its own row and nothing else.

Exit code 0: everything ran, and every answer was right (a missed bar is a result, not a failure); 1: something was
wrong or hung; 3: nothing was wrong, but parts are left; 4: there is no GPU, and nothing was measured; above 128: a
signal told it to end, whose number is the code less 128.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from benchmarks.gpu.parts import Part, Workers
    from benchmarks.gpu.record import Record

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "kernels", "runtime", "modeling")]

MINUTES: Final = 13.0
# Kept back for ending a process, reading the clocks and writing the file.
_RESERVE_S: Final = 8.0
_RESERVE_SHARE: Final = 0.05


class Told(BaseException):
    """A signal told the suite to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """See the top of the file."""
    started_s = time.monotonic()
    words = parser()
    asked = words.parse_args(arguments)
    if not asked.out.absolute().parent.is_dir():
        words.error(f"there is no folder {asked.out.absolute().parent}")
    if asked.dry_run:
        os.environ.update(VIDEOBERT_DRY_RUN="1", OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="")
    from benchmarks.gpu.environment import environment
    from benchmarks.gpu.plan import chosen, plan

    found = environment(asked.commit)
    if found["device"] is None and not asked.dry_run:
        print("there is no GPU here: nothing was measured", file=sys.stderr)
        return 4
    every_case = asked.every_case or not asked.dry_run
    parts = plan(asked.families, dry_run=asked.dry_run, every_case=every_case, sanitizer=asked.sanitizer)
    if asked.parts:
        try:
            parts = chosen(parts, asked.parts)
        except ValueError as error:
            words.error(str(error))
    return run(asked, found, parts, started_s)


def run(asked: argparse.Namespace, found: Mapping[str, Any], parts: Sequence[Part], started_s: float) -> int:
    """Run a plan in an environment, from what is there already; the exit code.

    Args:
        asked: see `parser`.
        found: the environment.
        parts: most valuable first.
        started_s: of `time.monotonic()`; the budget counts from there.
    """
    from benchmarks.gpu.clocks import clocks
    from benchmarks.gpu.parts import Workers
    from benchmarks.gpu.record import Record, continued

    earlier, why = None, ""
    if asked.resume is not None:
        earlier, why = continued(asked.resume, found, dry_run=asked.dry_run)
        _say(why if earlier else f"starts anew: {why}")
    if earlier is None or asked.resume.resolve() != asked.out.resolve():
        _keep(asked.out)
    record = Record(asked.out, found, parts, dry_run=asked.dry_run, earlier=earlier)
    entry: dict[str, Any] = {"date": found["date"], "minutes": asked.minutes, "ended": "was killed"}
    if asked.resume is not None and earlier is None:
        entry["started_anew"] = why
    record.runs.append(entry)
    record.save()
    budget_s = 60 * asked.minutes
    deadline_s = started_s + budget_s - min(_RESERVE_S, _RESERVE_SHARE * budget_s)
    workers = Workers()
    handlers = {each: signal.signal(each, _told) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    code = 0
    try:
        workers.start({part.worker for part in parts if part.worker and record.missing(part)})
        run_parts(parts, record, workers, deadline_s)
        entry["ended"] = "by itself"
    except Told as told:
        entry["ended"] = f"by {told}"
        code = 128 + signal.Signals[str(told)].value
    finally:
        workers.close()
        for each, handler in handlers.items():
            signal.signal(each, handler)
        entry |= {"clocks_after": clocks(), "took_seconds": round(time.monotonic() - started_s, 1)}
        record.save()
    return code or ended(record.content(), asked.out)


def run_parts(parts: Sequence[Part], record: Record, workers: Workers, deadline_s: float) -> None:
    """Run what is missing and fits, in order; what hung before comes last."""
    for part in sorted(parts, key=record.hung):
        wanted = record.missing(part)
        if not wanted:
            continue
        began_s = time.monotonic()
        left_s = deadline_s - began_s
        cost_s = part.cost_of(wanted)
        if cost_s > left_s:
            record.leave(part, f"takes about {cost_s:.0f} s, and {max(0.0, left_s):.0f} s were left")
            _say(f"{part.name}: left, takes about {cost_s:.0f} s")
            continue
        record.leave(part, "was running when the suite was killed")
        try:
            for row in part.run(workers, wanted, min(deadline_s, began_s + part.most_s)):
                record.put(part, row)
                _say(line_of(row))
        except Told:
            record.leave(part, "the suite was told to end")
            raise
        except Exception as error:
            # A fault of the suite's own in one part is no reason to lose the others.
            for name in record.missing(part):
                record.put(part, {"name": name, "verdict": "failed", "error": f"{type(error).__name__}: {error}"})
        record.took(part, time.monotonic() - began_s)


def ended(result: Mapping[str, Any], out: Path) -> int:
    """Say what is left, and give the exit code."""
    from benchmarks.gpu.schema import problems

    rows = [row for part in result["parts"] for row in part["rows"]]
    answered = [row for row in rows if row["verdict"] not in {"not measured", "ended"}]
    _say(f"{out}: {len(answered)} of {len(rows)} rows")
    for name in result["left"]:
        _say(f"left: {name}")
    wrong = problems(result)
    for problem in wrong:
        _say(f"the file is not as it should be: {problem}")
    if wrong or any(part["state"] in {"failed", "ended"} for part in result["parts"]):
        return 1
    return 3 if result["left"] else 0


def line_of(row: Mapping[str, Any]) -> str:
    """A row in one line of text; without an answer, or with a wrong one, it has no figure."""
    said = f"{row['name']}: {row['verdict']}"
    if row.get("ours_ms") is None or row.get("parity") != "good":
        told = [str(row[name]) for name in ("error", "reason", "parity", "counts", "result") if row.get(name)]
        return f"{said}: {told[0]}"[:400] if told else said
    said += f"; {row['ours_ms']['median']:.4g} ms"
    said += "".join(f", {value:.4g} {name}" for name, value in row.get("achieved", {}).items())
    if row.get("ratio") is not None:
        ratio = row["ratio"]
        said += f", {ratio['median']:.2f}x ({ratio['q1']:.2f}–{ratio['q3']:.2f}) of {row['fastest_rival']}"
        said += f"; bar {row['bar_text']}"
    said += "".join(f"; {name} {value:.5g}" for name, value in row.get("quality", {}).items())
    return f"{said}; parity good"


def _keep(out: Path) -> None:
    """What stands where the new file goes is kept beside it."""
    if out.exists():
        number = 1
        while (kept := out.with_name(f"{out.stem}.before-{number}{out.suffix}")).exists():
            number += 1
        out.rename(kept)
        _say(f"the earlier {out} is now {kept}")


def _told(number: int, _: FrameType | None) -> NoReturn:
    raise Told(signal.Signals(number).name)


def _say(text: str) -> None:
    print(text, flush=True)


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value < 24 * 60:
        raise argparse.ArgumentTypeError(f"{text} minutes: above 0, and less than a day")
    return value


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the JSON file to write; one that is there is kept under another name")
    parser.add_argument("--minutes", type=_minutes, default=MINUTES, help="longest time for all of it (13)")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="go on with an earlier file of the same device, versions and commit; else start anew and say why",
    )
    parser.add_argument("--parts", nargs="+", default=[], metavar="PATTERN", help="only parts that fit, by name or row")
    parser.add_argument("--families", nargs="+", default=[], metavar="MODULE", help="more modules with cases")
    parser.add_argument(
        "--sanitizer",
        choices=["memcheck", "racecheck", "initcheck", "synccheck"],
        help="compute-sanitizer on the kernels' tests, with the time that is left in the end",
    )
    parser.add_argument("--commit", help="of the tree, where there is no repository around it")
    parser.add_argument("--dry-run", action="store_true", help="no GPU: tiny sizes through the interpreter, no times")
    parser.add_argument("--every-case", action="store_true", help="in a dry run, and not only the first of each part")
    return parser


if __name__ == "__main__":
    sys.exit(main())
