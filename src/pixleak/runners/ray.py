"""Ray clusters: the same jobs, files and resumption on several machines.

The machines need no shared file system. Prepared records are sent once through Ray's object store,
from which the workers of a machine read them without copying. The files of a job are returned as
bytes and written here as soon as it has finished. Ray restarts tasks whose worker or machine died.
Needs the extra ``ray``: ``pip install 'pixleak[ray]'``; the other machines need the same version of
pixleak.

Source:
    Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018,
    arXiv:1712.05889.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixleak.core.disk.private_folder import private_folder
from pixleak.core.disk.whole_files import write_whole
from pixleak.core.errors import InputError, PixleakError, require
from pixleak.runners.base import (
    Job,
    Message,
    OnMessage,
    Runner,
    available_cores,
    log_again,
    log_told,
    outcome,
    pickled,
    rebuilt,
)

RETRIES = 5
"""How often a task is restarted after its worker died."""

_POLL = 0.2


@dataclass(frozen=True)
class RayRunner(Runner):
    """Tasks with one core each (and one GPU, for jobs that run on GPUs).

    Args:
        address: of the cluster; None for the one that this machine belongs to, or otherwise a
            temporary one.
        workers: number of parallel jobs; None for as many as the cluster can run.
    """

    address: str | None = None
    workers: int | None = None
    name = "ray"

    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        if not jobs:
            return []
        ray = _ray()
        with private_folder() as scratch, self._cluster(ray):
            by_name = {job.name: job.portable(scratch / str(i)) for i, job in enumerate(jobs)}
            stores: dict[Path, Any] = {}
            for job in by_name.values():
                if job.inputs is not None and job.inputs not in stores:
                    stores[job.inputs] = ray.put(_arrays(job.inputs))
            mailbox = ray.remote(_Mailbox).options(num_cpus=0).remote()
            waiting = list(by_name.values())
            running: dict[Any, Job] = {}
            answers: dict[str, Message] = {}
            limit = self.workers or len(waiting)
            try:
                while waiting or running:
                    while waiting and len(running) < limit:
                        job = waiting.pop(0)
                        task = _task(ray, job).remote(
                            pickled(job), stores.get(job.inputs or Path()), mailbox
                        )
                        running[task] = job
                    done, _ = ray.wait(list(running), num_returns=1, timeout=_POLL)
                    for name, message in ray.get(mailbox.collect.remote()):
                        if not log_again(message):
                            on_message(by_name[name], message)
                    for task in done:
                        job = running.pop(task)
                        answers[job.name] = _finished(ray, task, job, keep_going)
            finally:
                for task in running:
                    ray.cancel(task, force=True)
        return [answers[job.name] for job in jobs]

    @contextlib.contextmanager
    def _cluster(self, ray: Any) -> Iterator[None]:
        if ray.is_initialized():
            yield
            return
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "include_dashboard": False}
        try:
            if self.address is not None:
                quiet.pop("include_dashboard")
                ray.init(address=self.address, runtime_env=_paths(), **quiet)
            else:
                cores = self.workers or available_cores()
                ray.init(address="local", num_cpus=cores, runtime_env=_paths(), **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = self.address or "this machine"
            raise InputError(f"could not connect to a Ray cluster at {where}: {error}") from error
        try:
            yield
        finally:
            ray.shutdown()


class _Mailbox:
    """Messages of tasks until they are collected; an actor, so that it outlives a worker."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Message]] = []

    def put(self, name: str, message: Message) -> None:
        """Add a message."""
        self._messages.append((name, message))

    def collect(self) -> list[tuple[str, Message]]:
        """All messages since the last call."""
        collected, self._messages = self._messages, []
        return collected


def _task(ray: Any, job: Job) -> Any:
    gpus = 1 if job.device == "cuda" else 0
    return ray.remote(_work).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)


def _work(pickled: bytes, arrays: Mapping[str, Any], mailbox: Any) -> Message:
    """In a worker: run the job in a temporary folder, and return its files."""
    import torch

    torch.set_num_threads(1)
    job: Job = pickle.loads(pickled)

    def say(message: Message) -> None:
        mailbox.put.remote(job.name, message)

    with private_folder() as folder:
        here = job.elsewhere(arrays, folder)
        with log_told(say):
            answer = outcome(here, say)
        if "error" in answer:
            return {"answer": answer, "files": []}
        return {"answer": answer, "files": [path.read_bytes() for path in here.outputs]}


def _finished(ray: Any, task: Any, job: Job, keep_going: bool) -> Message:
    """Write the files of a finished task; the last one marks the others as complete."""
    try:
        result = ray.get(task)
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        sentence = f"Ray could not finish {job.title}: {first}"
        if keep_going:
            return {"kind": PixleakError.__name__, "error": sentence}
        raise PixleakError(sentence) from error
    answer: Message = result["answer"]
    if "error" in answer:
        if keep_going:
            return answer
        raise rebuilt(answer, job.title)
    *_, last = job.outputs
    last.unlink(missing_ok=True)
    for path, content in zip(job.outputs, result["files"], strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    return answer


def _arrays(folder: Path) -> dict[str, Any]:
    """Contents of a folder of prepared records."""
    return {
        path.name: np.load(path, allow_pickle=False) if path.suffix == ".npy" else path.read_text()
        for path in sorted(folder.iterdir())
        if path.suffix in (".npy", ".json")
    }


def _paths() -> dict[str, Any]:
    """The caller's import path and one thread, for workers."""
    return {
        "env_vars": {
            "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
            "OMP_NUM_THREADS": "1",
        }
    }


def _ray() -> Any:
    return require("ray", extra="ray", why="the runner 'ray'")
