"""What a runner is given, and what it promises."""

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
"""Something a job says while it runs, or its answer: plain numbers and words."""

OnMessage = Callable[["Job", Message], None]


class Job(ABC):
    """One piece of work that leaves files; it can be pickled, and run anywhere."""

    name: str
    """Unique among the jobs of a run."""
    device: str
    """Where its models run: ``"cpu"``, ``"cuda"``, ..."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, for messages: "training 'target'"."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Path, ...]:
        """The files that it leaves, the one that vouches for the others last."""

    @property
    @abstractmethod
    def inputs(self) -> Path | None:
        """The folder of prepared records that it reads, or None where it must be made portable."""

    @abstractmethod
    def portable(self, folder: Path) -> Self:
        """The same job with what it reads written to ``folder``, for another process here."""

    @abstractmethod
    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        """The same job on another machine.

        Args:
            arrays: what lies in ``inputs``, in memory.
            folder: where its files go instead; they keep their names.
        """

    @abstractmethod
    def run(self, say: Callable[[Message], None]) -> Message:
        """Do it: write the files, each whole or not at all, and answer.

        Args:
            say: takes what is worth knowing on the way.
        """


class Runner(ABC):
    """Runs jobs side by side."""

    name: str

    @abstractmethod
    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        """Run all of them; the files of each are in place the moment it is finished.

        When one fails, the others that are still running are stopped; those that are finished
        stay.

        Args:
            jobs: in any number.
            on_message: called in this thread with what jobs say.
            keep_going: run the others to their end where one fails. Its answer then holds
                ``"error"``, and in ``"kind"`` the name of the error, empty where it was not
                foreseen.

        Returns:
            One answer a job, in the jobs' order.

        Raises:
            PixleakError: the job's own error, or a worker died and could not be replaced.
        """


def available_cores() -> int:
    """How many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def outcome(job: Job, say: Callable[[Message], None]) -> Message:
    """What a job answers; an error as a message, so that it can travel."""
    try:
        return job.run(say)
    except PixleakError as error:
        return {"kind": type(error).__name__, "error": str(error)}
    except Exception:
        return {"kind": "", "error": traceback.format_exc()}


def rebuilt(message: Message, title: str) -> Exception:
    """The worker's error again; an unforeseen one brings its traceback along."""
    known = getattr(pixleak.core.errors, message["kind"], None)
    if isinstance(known, type) and issubclass(known, PixleakError):
        return known(f"{title}: {message['error']}")
    return RuntimeError(f"{title} failed:\n{message['error']}")
