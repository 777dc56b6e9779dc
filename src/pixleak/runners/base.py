"""Interfaces of jobs and runners."""

from __future__ import annotations

import io
import os
import pickle
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, Self

import pixleak.core.errors
from pixleak.core.errors import InputError, PixleakError, fault_of_others

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


class _Pickler(pickle.Pickler):
    """Refuses what another process could not find."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, type | FunctionType) and value.__module__ == "__main__":
            raise InputError(
                f"{value.__qualname__} is defined in the script or notebook that is running, which "
                "other processes do not import: move it into a module of its own, and import it "
                "from there"
            )
        return NotImplemented


def pickled(job: Job) -> bytes:
    """The job as bytes for another process.

    Raises:
        InputError: part of it cannot be sent, such as a lambda or a class of the running script.
    """
    content = io.BytesIO()
    try:
        _Pickler(content).dump(job)
    except InputError as error:
        raise InputError(f"{job.title}: {error.args[0]}") from None
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(f"{job.title}: it cannot be sent to another process ({error})") from error
    return content.getvalue()


def outcome(job: Job, say: Callable[[Message], None]) -> Message:
    """The answer of a job; an error becomes a message, so that it can be sent."""
    try:
        return job.run(say)
    except PixleakError as error:
        # Settings in it stay marked: the door that the caller came through puts them into words.
        # A kind of error that one room alone knows is sent as the general one that it is.
        here = pixleak.core.errors.__name__
        kind = next(one.__name__ for one in type(error).__mro__ if one.__module__ == here)
        return {"kind": kind, "error": str(error.args[0])}
    except Exception as error:
        return failure(error)


def failure(error: Exception) -> Message:
    """What is sent about an error that was not raised on purpose: a bug, or code of others."""
    sentence = fault_of_others(error)
    whole = "".join(traceback.format_exception(error))
    if sentence is None:
        return {"kind": "", "error": whole}
    return {"kind": "InputError", "error": sentence, "traceback": whole}


def rebuilt(message: Message, title: str) -> Exception:
    """The worker's error as an exception; an unexpected one includes its traceback."""
    known = getattr(pixleak.core.errors, message["kind"], None)
    if isinstance(known, type) and issubclass(known, PixleakError):
        error = known(f"{title}: {message['error']}")
        if "traceback" in message:
            error.__cause__ = RuntimeError(f"in another process:\n{message['traceback']}")
        return error
    return RuntimeError(f"{title} failed:\n{message['error']}")
