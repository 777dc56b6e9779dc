"""A process that trains: ``python -m pixleak.training.worker``.

It reads the names of pickled jobs from standard input, one a line, and answers on standard
output with one JSON object a line: ``{"epoch", "loss"}`` after each epoch, then
``{"epoch_losses", "seconds"}`` once the model is on disk, or ``{"kind", "error"}``. It ends when
standard input does, at once: the caller holds that open, and it is gone. Whatever else is
printed goes to standard error.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pixleak.errors import PixleakError
from pixleak.files import replaced, writing

if TYPE_CHECKING:
    from pixleak.training.fit import Trained
    from pixleak.training.side_by_side import TrainingJob

Reply = Callable[[dict[str, Any]], None]


def main() -> None:
    """Train jobs until there are no more."""
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # prints of the user's own code must not mix with the replies
        jobs: queue.SimpleQueue[Path] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
        while True:
            _write(replies, _outcome(jobs.get(), partial(_write, replies)))


def _outcome(job_file: Path, reply: Reply) -> dict[str, Any]:
    try:
        return _train(job_file, reply)
    except PixleakError as error:
        return {"kind": type(error).__name__, "error": str(error)}
    except Exception:
        return {"kind": "", "error": traceback.format_exc()}


def _train(job_file: Path, reply: Reply) -> dict[str, Any]:
    import torch

    from pixleak.training.fit import fit

    torch.set_num_threads(1)
    job: TrainingJob = pickle.loads(job_file.read_bytes())
    trained = fit(
        job.recipe,
        job.records,
        seed=job.seed,
        device=job.device,
        on_epoch=lambda epoch, loss: reply({"epoch": epoch, "loss": loss}),
    )
    return _commit(job, trained)


def _commit(job: TrainingJob, trained: Trained) -> dict[str, Any]:
    """Weights first and the summary last, so that a summary vouches for the weights beside it."""
    from pixleak.training.checkpoint import network_metadata, save_weights
    from pixleak.training.side_by_side import summary_path
    from pixleak.training.untrained import outputs_of

    course = {"epoch_losses": list(trained.epoch_losses), "seconds": trained.seconds}
    summary = summary_path(job.path)
    with writing(summary):
        summary.unlink(missing_ok=True)
    channels, height, width = job.records[0].image.shape
    network = job.recipe.network
    save_weights(
        trained.module,
        job.path,
        network_metadata(
            network.name, network.options, channels, outputs_of(job.records.truth), (height, width)
        ),
    )
    described = {"recipe": job.recipe.model_dump(mode="json"), "seed": job.seed, **course}
    with replaced(summary) as temporary:
        temporary.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return course


def _listen(jobs: queue.SimpleQueue[Path]) -> None:
    with os.fdopen(os.dup(0), "r", encoding="utf-8") as lines:
        for line in lines:
            jobs.put(Path(line.rstrip("\n")))
    os._exit(0)


def _write(replies: BinaryIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
