"""A worker process: ``python -m pixleak.runners.worker``.

It reads the file names of pickled jobs from standard input, one per line, and writes one JSON
object per line to standard output: the messages of the job, then ``{"done": answer}``, which holds
``{"kind", "error"}`` if the job failed. It exits as soon as standard input is closed, because the
caller is gone then. All other output goes to standard error.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import threading
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pixleak.runners.base import Job, Message, failure, outcome


def main() -> None:
    """Run jobs until standard input is closed."""
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # output of the user's code must not mix with the replies
        jobs: queue.SimpleQueue[Path] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
        while True:
            _write(replies, {"done": _answer(jobs.get(), replies)})


def _answer(file: Path, replies: BinaryIO) -> Message:
    import torch

    torch.set_num_threads(1)
    try:
        job: Job = pickle.loads(file.read_bytes())
    except Exception as error:  # a user's class may raise anything when unpickled
        return failure(error)
    return outcome(job, partial(_write, replies))


def _listen(jobs: queue.SimpleQueue[Path]) -> None:
    with os.fdopen(os.dup(0), "r", encoding="utf-8") as lines:
        for line in lines:
            jobs.put(Path(line.rstrip("\n")))
    os._exit(0)


def _write(replies: BinaryIO, message: Message) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
