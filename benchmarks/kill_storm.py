"""Does a run that is killed, damaged or out of space at any moment end with the same result?

    python benchmarks/kill_storm.py
    python benchmarks/kill_storm.py --works query set-test --kills 4 --damages 0 --disks 2 --out ""

A pool, a study (with distillation), a query, a set test and a report run in forks of this process:
killed at every rename, before and after it; ended at random moments by KILL, TERM, HUP and INT;
with kept files that are truncated, changed by one bit or exchanged in between; and on disks that
become full. Each is resumed until it ends, and what it leaves is compared, place by place, with
what an undisturbed run left, but for times. A copy of a private image or an unfinished file that
remains counts as a failure, and so do a traceback and a missing message. Writes
benchmarks/results/kill_storm.json; ends with exit code 1 if anything failed.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch; forks inherit no other threads

import argparse
import contextlib
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.machine import machine
from support.storm_faults import Attempt, Fault, attempt, jobs_in_this_process
from support.storm_works import Work, works

HERE = Path(__file__).parent
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT)
UNDISTURBED = Fault()
UNFINISHED = (".tmp", ".part", ".probe", ".partial", ".teacher")


@dataclass
class Storm:
    """One command, and what it has been through.

    Args:
        work: the command.
        scratch: where its working folders are made.
        dice: of every random choice.
    """

    work: Work
    scratch: Path
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    right: Any = None
    seconds: float = 0.0
    number: int = 0

    @property
    def private(self) -> Path:
        """The temporary folder of all attempts."""
        return self.scratch / "private"

    def fresh(self, like: Path | None = None) -> Path:
        """A new working folder, or a copy of one."""
        self.number += 1
        folder = self.scratch / f"{self.work.name}-{self.number}"
        if like is None:
            folder.mkdir(parents=True)
            self.work.prepare(folder)
        else:
            shutil.copytree(like, folder)
        return folder

    def tried(self, folder: Path, fault: Fault = UNDISTURBED) -> Attempt:
        """One attempt, whose end is judged."""
        self.private.mkdir(exist_ok=True)
        done = attempt(self.work.arguments, folder, self.private, fault)
        number = int(fault.signal)
        ended = fault.after is not None or bool(done.hit)
        told = done.said[-2000:]
        if "Traceback" in done.said:
            self.fail(f"traceback with {fault}: {told}")
        if done.code == 0:
            pass
        elif ended and done.code in (128 + number, -number):
            self.counts[f"ended by {fault.signal.name}"] += 1
            if done.code == 128 + number and "the same command resumes" not in told:
                self.fail(f"no message with {fault}: {told}")
            if done.code == -number and fault.signal != signal.SIGKILL:
                # Before the command had begun, or when it was over.
                self.counts["ended by a signal outside the command"] += 1
        elif (fault.space, fault.largest) != (None, None) and done.code == 2:
            self.counts["out of space"] += 1
            if not any(word in told for word in ("space", "larger than")):
                self.fail(f"another message with {fault}: {told}")
        else:
            self.fail(f"exit code {done.code} with {fault}: {told}")
        self._nothing_private(done, fault)
        return done

    def _nothing_private(self, done: Attempt, fault: Fault) -> None:
        """Copies of private images are gone; after KILL the guard takes its moment."""
        until = time.monotonic() + (20 if done.code < 0 else 0)
        while any(self.private.glob("pixleak-*")) and time.monotonic() < until:
            time.sleep(0.005)
        if left := sorted(path.name for path in self.private.glob("pixleak-*")):
            self.fail(f"private files after {fault}: {left[:5]}")
            shutil.rmtree(self.private)

    def ends(self, folder: Path, what: str) -> Attempt:
        """Resume without a fault, and compare what is left."""
        done = self.tried(folder)
        if done.code == 0:
            self.compare(folder, what)
        return done

    def compare(self, folder: Path, what: str) -> None:
        """Note where a finished folder is not as that of the undisturbed run."""
        self.counts["compared"] += 1
        if place := difference(self.right, self.work.left(folder)):
            self.fail(f"another result after {what}: {place}")
        over = [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]
        if over:
            self.fail(f"left over after {what}: {over[0].relative_to(folder)}")
        shutil.rmtree(folder)

    def fail(self, told: str) -> None:
        """Count a failure and say it."""
        self.failures.append(told)
        print(f"{self.work.name}: {told}", file=sys.stderr, flush=True)

    def undisturbed(self) -> Path:
        """Run once without a fault; before, once in this process, so that forks import nothing."""
        from typer.testing import CliRunner

        from pixleak.cli.app import app

        folder = self.fresh()
        with contextlib.chdir(folder):
            CliRunner().invoke(app, list(self.work.arguments))
        shutil.rmtree(folder)
        folder = self.fresh()
        done = self.tried(folder)
        if done.code != 0:
            raise SystemExit(f"{self.work.name} does not run: {done.said}")
        self.right, self.seconds = self.work.left(folder), done.seconds
        return folder

    def every_rename(self, most: int) -> None:
        """Kill before and after every rename of a file that is kept."""
        folder, at, seen, kills = self.fresh(), 1, set[str](), 0
        while kills < most:
            before = True
            done = self.tried(folder, Fault(renames=at, before=before))
            if done.hit and done.hit not in seen:
                kills += 1
                before = False
                done = self.tried(folder, Fault(renames=at, before=before))
            if not done.hit:
                self.compare(folder, "kills at every rename")
                break
            kills += 1
            at += done.hit in seen
            seen.add(done.hit)
        else:
            self.ends(folder, "kills at renames")
        self.counts["killed at a rename"] += kills

    def random_moments(self, count: int) -> None:
        """End it at random moments, by one signal after another."""
        struck = 0
        while struck < count:
            folder, before = self.fresh(), struck
            for _ in range(min(4, count - struck)):
                number = SIGNALS[struck % len(SIGNALS)]
                after = self.dice.uniform(0.02, self.seconds)
                done = self.tried(folder, Fault(after=after, signal=number))
                if done.code == 0:
                    break
                struck += 1
            self.counts["ended at a random moment"] += struck - before
            self.ends(folder, "signals at random moments")

    def damages(self, finished: Path, count: int) -> None:
        """Damage a kept file of a finished run, or of one that was killed, and run it again."""
        for number in range(count):
            whole = number % 3 > 0
            folder = self.fresh(finished if whole else None)
            if not whole:
                self.tried(folder, Fault(renames=self.dice.randint(1, 12), before=False))
            kept = [
                path
                for path in sorted(folder.rglob("*"))
                if path.is_file() and path.suffix != ".lock" and "artefacts" in path.parts
            ]
            path = self.dice.choice(kept)
            kind = damage(path, kept, self.dice)
            self.counts[f"kept file {kind}"] += 1
            what = f"{path.relative_to(folder)} {kind}"
            for result in folder.glob("out/cells/*/result.json"):
                result.unlink()  # else the artefacts of a finished cell are not read
            done = self.ends(folder, what)
            if whole and (lines := done.said.count("computed again")) != 1:
                self.fail(f"{lines} lines about {what}")

    def disks(self, finished: Path, count: int) -> None:
        """Let the disk become full, or files too large, at random moments."""
        sizes = [path.stat().st_size for path in finished.rglob("*") if path.is_file()]
        before = self.counts["out of space"]
        for _ in range(20 * count):
            done = self.counts["out of space"] - before
            if done >= count:
                break
            folder = self.fresh()
            if done % 3 == 2:
                fault = Fault(largest=self.dice.randrange(1, max(sizes)))
            else:
                fault = Fault(space=self.dice.randrange(1, sum(sizes)))
            self.tried(folder, fault)
            self.ends(folder, f"a full disk, {fault}")


def damage(path: Path, kept: list[Path], dice: random.Random) -> str:
    """Truncate a file, change one bit of it, or exchange it for another."""
    content = path.read_bytes()
    others = [one for one in kept if one.suffix == path.suffix and one.read_bytes() != content]
    match dice.choice(("truncated", "changed by one bit", "exchanged")):
        case "exchanged" if others:
            path.write_bytes(dice.choice(others).read_bytes())
            return "exchanged"
        case "truncated":
            path.write_bytes(content[: dice.randrange(len(content))])
            return "truncated"
    at = dice.randrange(len(content))
    changed = content[at] ^ (1 << dice.randrange(8))
    path.write_bytes(content[:at] + bytes([changed]) + content[at + 1 :])
    return "changed by one bit"


def difference(one: Any, other: Any, place: str = "") -> str | None:
    """The first place where two results differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"{place}: {sorted(one.keys() ^ other.keys())}"
        pairs = [(f"{place}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{place}[{i}]", a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other else f"{place}: {str(one)[:80]!r} became {str(other)[:80]!r}"
    found = (difference(a, b, at) for at, a, b in pairs)
    return next((text for text in found if text is not None), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = list(works())
    parser.add_argument("--works", nargs="+", default=names, choices=names)
    parser.add_argument("--kills", type=int, default=12, help="at random moments, a command")
    parser.add_argument("--renames", type=int, default=1000, help="at most, a command")
    parser.add_argument("--damages", type=int, default=25, help="of pool and study, each")
    parser.add_argument("--disks", type=int, default=5, help="a command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default=str(HERE / "results" / "kill_storm.json"))
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    jobs_in_this_process()
    begun = time.monotonic()
    storms: list[Storm] = []
    finished: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="storm-") as scratch:
        for name in given.works:
            if name == "report" and "pool" not in finished:
                raise SystemExit("the report is of the pool: name pool before report")
            pool = finished["pool"] / "run" if "pool" in finished else None
            storm = Storm(works(pool)[name], Path(scratch), random.Random(f"{given.seed} {name}"))
            storms.append(storm)
            finished[name] = storm.undisturbed()
            storm.every_rename(given.renames)
            storm.random_moments(given.kills)
            if name in ("pool", "study"):
                storm.damages(finished[name], given.damages)
            storm.disks(finished[name], given.disks)
            took = time.monotonic() - begun
            print(f"{name}: {dict(storm.counts)}, after {took:.0f} s", flush=True)
    content = {
        "machine": machine(),
        "seed": given.seed,
        "seconds": round(time.monotonic() - begun),
        "works": {one.work.name: dict(sorted(one.counts.items())) for one in storms},
        "all": dict(sorted(sum((one.counts for one in storms), Counter[str]()).items())),
        "failures": [f"{one.work.name}: {told}" for one in storms for told in one.failures],
    }
    text = json.dumps(content, indent=1) + "\n"
    print(text)
    if given.out:
        Path(given.out).write_text(text)
    raise SystemExit(1 if content["failures"] else 0)


if __name__ == "__main__":
    main()
