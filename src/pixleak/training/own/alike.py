"""Whether models that were trained on different records are different."""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.core.disk.whole_files import file_digest
from pixleak.core.errors import InputError
from pixleak.training.jobs import TrainingJob
from pixleak.training.own.base import OwnTraining


def check_different(jobs: Sequence[TrainingJob]) -> None:
    """Refuse trainings by the user's code that come to the same weights whatever they are given.

    Args:
        jobs: finished.

    Raises:
        InputError: two of them, on different records and from different seeds, left the same
            weights: they do not train on the records, or load a finished model.
    """
    found: dict[str, TrainingJob] = {}
    for job in jobs:
        if not isinstance(job.method, OwnTraining):
            continue
        other = found.setdefault(file_digest(job.path), job)
        if set(other.records.ids) != set(job.records.ids) and other.seed != job.seed:
            raise InputError(
                f"{job.method.who} came to the same weights for {other.name!r} and {job.name!r}, "
                "which were to be trained on different records from different seeds: it must "
                "start from new weights and train on the records that it is given"
            )
