"""Local processes with one thread each; with GPUs, each has its own device.

Two processes with one thread are faster than one process with two threads on small networks. One
thread also makes the result of a job independent of the number of workers, so a single job runs in
a separate process too.

A worker is a fresh ``python -m pixleak.runners.worker`` rather than a multiprocessing child: it
never imports the caller's script, which therefore needs no ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.disk.whole_files import writing
from pixleak.core.errors import PixleakError
from pixleak.runners.base import (
    Job,
    Message,
    OnMessage,
    Runner,
    available_cores,
    log_again,
    pickled,
    rebuilt,
)

Events = queue.Queue[tuple["_Worker", Message | None]]
"""Messages of the workers; None if one ended without an answer."""


@dataclass(frozen=True)
class LocalRunner(Runner):
    """Processes with one thread each.

    Args:
        workers: number of processes; None for one per core, or one per device if jobs run on GPUs.
    """

    workers: int | None = None
    name = "local"

    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        answers: dict[str, Message] = {}
        waiting = list(jobs)
        devices = visible_devices() if any(_on_gpu(job.device) for job in jobs) else []
        limit = self.workers or (len(devices) if devices else available_cores())
        events: Events = queue.Queue()
        running: dict[_Worker, Job] = {}
        with private_folder() as scratch:
            try:
                while waiting and len(running) < limit:
                    device = devices[len(running) % len(devices)] if devices else None
                    worker = _Worker(Path(tempfile.mkdtemp(dir=scratch)), events, device)
                    running[worker] = waiting.pop(0)
                    worker.start(running[worker])
                while running:
                    worker, message = events.get()
                    if worker not in running:
                        continue  # the end of a process that is no longer needed
                    job = running[worker]
                    if message is None:
                        died = worker.died(job.title)
                        if not keep_going:
                            raise died
                        answers[job.name] = {"kind": type(died).__name__, "error": str(died)}
                        del running[worker]
                        worker.close()
                        if waiting:
                            replacement = worker.replacement()
                            running[replacement] = waiting.pop(0)
                            replacement.start(running[replacement])
                        continue
                    if log_again(message):
                        continue
                    if "done" not in message:
                        on_message(job, message)
                        continue
                    if "error" in message["done"] and not keep_going:
                        raise rebuilt(message["done"], job.title)
                    answers[job.name] = message["done"]
                    if waiting:
                        running[worker] = waiting.pop(0)
                        worker.start(running[worker])
                    else:
                        del running[worker]
                        worker.close()
            finally:
                for worker in running:
                    worker.close()
        return [answers[job.name] for job in jobs]


def visible_devices() -> list[str]:
    """CUDA devices that this process may use, named as in CUDA_VISIBLE_DEVICES."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]


def _on_gpu(device: str) -> bool:
    # "cuda:1" names a particular device; "cuda" leaves the choice to the runner.
    return device == "cuda"


class _Worker:
    """A process that runs one job after another, and the thread that reads its messages."""

    def __init__(self, folder: Path, events: Events, device: str | None = None) -> None:
        self._folder, self._events, self._device = folder, events, device
        with writing(folder):
            log = (folder / "stderr").open("wb")
        with log:
            self._process = subprocess.Popen(
                # -P: otherwise modules in the working folder would shadow others under -m.
                [sys.executable, "-P", "-m", "pixleak.runners.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Its copies of private images go with this folder, even if it is killed.
                env={**environment(device), "TMPDIR": str(folder)},
            )
        self._listener = threading.Thread(target=self._listen, args=(events,), daemon=True)
        self._listener.start()

    def replacement(self) -> _Worker:
        """A new process that replaces this one."""
        folder = Path(tempfile.mkdtemp(dir=self._folder.parent))
        return _Worker(folder, self._events, self._device)

    def start(self, job: Job) -> None:
        """Start a job; the previous one must have finished."""
        stored = self._folder / "records"
        shutil.rmtree(stored, ignore_errors=True)
        file = self._folder / "job.pickle"
        with writing(file):
            file.write_bytes(pickled(job.portable(stored)))
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died, which the listener reports
            self._process.stdin.write(f"{file}\n".encode())
            self._process.stdin.flush()

    def _listen(self, events: Events) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            events.put((self, json.loads(line)))
        events.put((self, None))

    def close(self) -> None:
        """Terminate the process."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def died(self, title: str) -> PixleakError:
        """The error for a worker that ended without an answer."""
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        hint = " (out of memory?)" if code == -9 else ""
        log = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
        lines = log.strip().splitlines()
        said = f"; its last message: {lines[-1]}" if lines else ""
        return PixleakError(f"the process {title} ended with {how}{hint}{said}")


def environment(device: str | None = None) -> dict[str, str]:
    """One thread per numerical library, the caller's import path, and the device if given."""
    threads = ("OMP", "MKL", "OPENBLAS", "VECLIB_MAXIMUM", "NUMEXPR")
    chosen = {} if device is None else {"CUDA_VISIBLE_DEVICES": device}
    return {
        **os.environ,
        **{f"{library}_NUM_THREADS": "1" for library in threads},
        **chosen,
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
        # For commands of the user's, which other interpreters may run.
        "PIXLEAK_CALLERS_PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
