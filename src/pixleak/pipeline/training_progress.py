"""What is shown while the models of an audit are trained."""

from __future__ import annotations

from collections.abc import Mapping

from pixleak.core.progress import Progress
from pixleak.training.jobs import TrainingJob, finished


class TrainingProgress:
    """Shows the training of target and shadow one by one, that of a pool as a whole.

    A model whose number of epochs is not known beforehand counts as one epoch of its pool.
    """

    def __init__(self, jobs: Mapping[str, TrainingJob], progress: Progress) -> None:
        self._progress = progress
        pool = {name: job for name, job in jobs.items() if name.startswith("reference-")}
        self._steps = {name: job.method.steps or 1 for name, job in pool.items()}
        self._done = {name: self._steps[name] if finished(job) else 0 for name, job in pool.items()}

    def report(self, name: str, epoch: int, epochs: int | None, loss: float) -> None:
        """Called after each epoch of each model."""
        if name not in self._done:
            self._progress.update(
                f"training the {name}", epoch, epochs or epoch, f"loss {loss:.3f}"
            )
            return
        self._done[name] = min(epoch, self._steps[name])
        title = f"training {len(self._done)} references"
        done, total = sum(self._done.values()), sum(self._steps.values())
        self._progress.update(title, done, total, "epochs of all of them")
