"""Train independent models side by side, each in a process of its own with one thread.

Two one-thread processes beat one two-thread process on small networks, and one thread makes a
model's weights a function of recipe, records and seed alone: the number of workers changes
nothing, so a single job gets a process too.

A worker is a fresh ``python -m pixleak.training.worker`` rather than a multiprocessing child: it
never imports the caller's script, which therefore needs no ``if __name__ == "__main__"``. Records
that are not prepared are written to a temporary folder first, so their loader may be anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pixleak.errors
from pixleak.errors import InputError, PixleakError
from pixleak.files import writing
from pixleak.records.base import Records
from pixleak.records.prepare import PreparedRecords, prepare
from pixleak.training.recipe import Recipe

OnProgress = Callable[[str, int, int, float], None]
"""(job name, epoch from 1, epochs, mean loss of the epoch)."""

Events = queue.Queue[tuple["_Worker", dict[str, Any] | None]]
"""What the workers say; None: one ended without a last word."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """One model to train.

    Args:
        name: unique among the jobs.
        recipe: how.
        records: on what.
        seed: of initialisation, order and augmentation.
        path: where its weights go (safetensors); a ``.json`` beside it holds how it went.
        device: where to train.
    """

    name: str
    recipe: Recipe
    records: Records
    seed: int
    path: Path
    device: str = "cpu"


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk.

    Args:
        name: of its job.
        path: of its weights, to be read by :func:`pixleak.training.checkpoint.load_network`.
        epoch_losses: mean training loss of each epoch.
        seconds: wall time of its training.
    """

    name: str
    path: Path
    epoch_losses: tuple[float, ...]
    seconds: float


def train_all(
    jobs: Sequence[TrainingJob],
    *,
    workers: int | None = None,
    progress: OnProgress | None = None,
    resume: bool = False,
) -> list[TrainedModel]:
    """Train every job; each is committed to disk the moment it is finished.

    When one fails, the others that are still running are stopped, and those that are finished
    stay. The weights do not depend on ``workers``.

    Args:
        jobs: in any number; their names and paths must differ.
        workers: how many to train at a time; by default as many as there are cores.
        progress: called in this thread after each epoch of each job.
        resume: take a job whose files are there already as done. Only for paths that name the
            records, as content-addressed ones do: the files are compared with the job's recipe
            and seed, not with its records.

    Returns:
        One model a job, in the jobs' order.

    Raises:
        InputError: a job's own (diverged, wrong records, no space, ...), or two jobs share a
            name or a path.
        PixleakError: a worker process died.
    """
    for what, values in (
        ("name", [job.name for job in jobs]),
        ("path", [str(job.path.resolve()) for job in jobs]),
    ):
        if twice := [value for value in values if values.count(value) > 1]:
            raise InputError(f"two training jobs share the {what} {twice[0]!r}")
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    models: dict[str, TrainedModel] = {}
    if resume:
        models = {job.name: model for job in jobs if (model := finished(job)) is not None}
    waiting = [job for job in jobs if job.name not in models]
    limit = workers or available_cores()
    events: Events = queue.Queue()
    running: dict[_Worker, TrainingJob] = {}
    with tempfile.TemporaryDirectory(prefix="pixleak-") as scratch:
        try:
            while waiting and len(running) < limit:
                worker = _Worker(Path(tempfile.mkdtemp(dir=scratch)), events)
                running[worker] = waiting.pop(0)
                worker.start(running[worker])
            while running:
                worker, message = events.get()
                if worker not in running:
                    continue  # the end of a process that was no longer needed
                job = running[worker]
                if message is None:
                    raise worker.died(job.name)
                if "error" in message:
                    raise _rebuilt(message["kind"], message["error"], job.name)
                if "epoch" in message:
                    if progress is not None:
                        progress(job.name, message["epoch"], job.recipe.epochs, message["loss"])
                    continue
                models[job.name] = TrainedModel(
                    job.name, job.path, tuple(message["epoch_losses"]), message["seconds"]
                )
                if waiting:
                    running[worker] = waiting.pop(0)
                    worker.start(running[worker])
                else:
                    del running[worker]
                    worker.close()
        finally:
            for worker in running:
                worker.close()
    return [models[job.name] for job in jobs]


def available_cores() -> int:
    """How many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def finished(job: TrainingJob) -> TrainedModel | None:
    """What training this job left on disk, or None if it is not there or is another recipe's."""
    path = summary_path(job.path)
    if not job.path.is_file() or not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["recipe"] != job.recipe.model_dump(mode="json") or summary["seed"] != job.seed:
            return None
        return TrainedModel(job.name, job.path, tuple(summary["epoch_losses"]), summary["seconds"])
    except (ValueError, KeyError, TypeError):  # somebody else's file
        return None


def summary_path(weights: Path) -> Path:
    """Where the course of a training lies, beside its weights."""
    return weights.with_suffix(".json")


class _Worker:
    """A training process, which takes one job after another, and the thread that listens to it."""

    def __init__(self, folder: Path, events: Events) -> None:
        self._folder = folder
        with writing(folder):
            log = (folder / "stderr").open("wb")
        with log:
            self._process = subprocess.Popen(
                # -P: the working folder must not shadow modules, as it would under -m.
                [sys.executable, "-P", "-m", "pixleak.training.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )
        self._listener = threading.Thread(target=self._listen, args=(events,), daemon=True)
        self._listener.start()

    def start(self, job: TrainingJob) -> None:
        """Hand over a job; the one before must be done."""
        stored = self._folder / "records"
        shutil.rmtree(stored, ignore_errors=True)
        if not isinstance(job.records, PreparedRecords):
            job = replace(job, records=prepare(job.records, stored))
        file = self._folder / "job.pickle"
        with writing(file):
            file.write_bytes(pickle.dumps(job))
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died: the listener has said so
            self._process.stdin.write(f"{file}\n".encode())
            self._process.stdin.flush()

    def _listen(self, events: Events) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            events.put((self, json.loads(line)))
        events.put((self, None))

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def died(self, name: str) -> PixleakError:
        """The sentence for a worker that ended without a word."""
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        hint = " (out of memory?)" if code == -9 else ""
        log = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
        lines = log.strip().splitlines()
        said = f"; it said: {lines[-1]}" if lines else ""
        return PixleakError(f"the process training {name!r} ended with {how}{hint}{said}")


def _environment() -> dict[str, str]:
    """One thread for every numerical library, and the caller's import path."""
    threads = ("OMP", "MKL", "OPENBLAS", "VECLIB_MAXIMUM", "NUMEXPR")
    return {
        **os.environ,
        **{f"{library}_NUM_THREADS": "1" for library in threads},
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
    }


def _rebuilt(kind: str, sentence: str, name: str) -> Exception:
    """The worker's error again; an unforeseen one brings its traceback along."""
    known = getattr(pixleak.errors, kind, None)
    if isinstance(known, type) and issubclass(known, PixleakError):
        return known(f"training {name!r}: {sentence}")
    return RuntimeError(f"training {name!r} failed:\n{sentence}")
