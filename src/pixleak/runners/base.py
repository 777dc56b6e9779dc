"""Interfaces of jobs and runners."""

from __future__ import annotations

import os
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pixleak.core.errors
from pixleak.core.errors import PixleakError

Message = dict[str, Any]
"""A message of a job while it runs, or its answer: plain numbers and strings."""

OnMessage = Callable[["Job", Message], None]


class Job(ABC):
    """One piece of work that writes files; it can be pickled and run anywhere."""

    name: str
    """Unique among the jobs of a run."""
    device: str
    """The device of its models: ``"cpu"``, ``"cuda"``, ..."""

    @property
    @abstractmethod
    def title(self) -> str:
        """A description for messages: "training 'target'"."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Path, ...]:
        """The files that it writes; the last one marks the others as complete."""

    @property
    @abstractmethod
    def inputs(self) -> Path | None:
        """The folder of prepared records that it reads, or None before :meth:`portable`."""

    @abstractmethod
    def portable(self, folder: Path) -> Self:
        """The same job with its input written to ``folder``, for another local process."""

    @abstractmethod
    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        """The same job on another machine.

        Args:
            arrays: contents of ``inputs``, in memory.
            folder: new folder of its files, which keep their names.
        """

    @abstractmethod
    def run(self, say: Callable[[Message], None]) -> Message:
        """Run the job: write the files, each atomically, and return the answer.

        Args:
            say: receives messages on its progress.
        """


class Runner(ABC):
    """Runs jobs in parallel."""

    name: str

    @abstractmethod
    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        """Run all jobs; the files of each are in place as soon as it has finished.

        When a job fails, those still running are stopped; the files of finished jobs remain.

        Args:
            jobs: any number.
            on_message: called in this thread with the messages of jobs.
            keep_going: continue with the other jobs when one fails. Its answer then holds
                ``"error"``, and in ``"kind"`` the name of the error, empty if it was unexpected.

        Returns:
            One answer per job, in the order of the jobs.

        Raises:
            PixleakError: the job's own error, or a worker died and could not be replaced.
        """


def available_cores() -> int:
    """Number of cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def outcome(job: Job, say: Callable[[Message], None]) -> Message:
    """The answer of a job; an error becomes a message, so that it can be sent."""
    try:
        return job.run(say)
    except PixleakError as error:
        return {"kind": type(error).__name__, "error": str(error)}
    except Exception:
        return {"kind": "", "error": traceback.format_exc()}


def rebuilt(message: Message, title: str) -> Exception:
    """The worker's error as an exception; an unexpected one includes its traceback."""
    known = getattr(pixleak.core.errors, message["kind"], None)
    if isinstance(known, type) and issubclass(known, PixleakError):
        return known(f"{title}: {message['error']}")
    return RuntimeError(f"{title} failed:\n{message['error']}")
