"""Jobs one after another in the calling process.

There is no second process, so that a debugger can follow a training, and a class of the running
script or notebook can take part. The results are those of :class:`~pixleak.runners.local`'s
processes: one thread, and random numbers of the caller that are left as they were.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from pixleak.core.disk.private_folder import private_folder
from pixleak.runners.base import Job, Message, OnMessage, Runner, outcome, rebuilt


@dataclass(frozen=True)
class HereRunner(Runner):
    """The calling process; a job that crashes it takes the caller along."""

    name = "here"

    def run(
        self, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        answers = []
        for job in jobs:
            with private_folder() as scratch, _alone():
                answer = outcome(job.portable(scratch / "records"), partial(on_message, job))
            if "error" in answer and not keep_going:
                raise rebuilt(answer, job.title)
            answers.append(answer)
        return answers


@contextmanager
def _alone() -> Iterator[None]:
    """One thread, as a worker has it; random numbers and threads are restored afterwards."""
    import torch

    threads, draws, numbers = torch.get_num_threads(), random.getstate(), np.random.get_state()  # noqa: NPY002
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        random.setstate(draws)
        np.random.set_state(numbers)  # noqa: NPY002
