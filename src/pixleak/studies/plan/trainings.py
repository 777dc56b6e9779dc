"""The distinct trainings of a study: a model that several cells share is trained once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixleak.pipeline.models import training_jobs
from pixleak.pipeline.storage.store import Store, digest
from pixleak.studies.plan.shared_records import PreparedCell
from pixleak.training.defence import described
from pixleak.training.jobs import TrainedModel, TrainingJob


@dataclass(frozen=True)
class Training:
    """One model to train, for all cells that need it.

    Args:
        job: named by the content address of the model.
        cells: ids of the cells.
        roles: of the model in these cells: ``"target"``, ``"shadow"``, ``"reference-0"``.
    """

    job: TrainingJob
    cells: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Equal for trainings that take the same time per record."""
        method = self.job.method
        return digest([method.name, described(method, self.job.defences), self.job.device])

    @property
    def records(self) -> int:
        """How many records it is trained on."""
        return len(self.job.records)


def distinct_trainings(cells: Sequence[PreparedCell], store: Store) -> list[Training]:
    """Every training that some cell needs, once."""
    found: dict[Path, Training] = {}
    for prepared in cells:
        for role, job in training_jobs(prepared.plan, prepared.records, store).items():
            named = replace(job, name=job.path.parent.name)
            known = found.get(job.path, Training(named, (), ()))
            found[job.path] = Training(
                replace(known.job, pictures=known.job.pictures or job.pictures),
                tuple(dict.fromkeys((*known.cells, prepared.cell.id))),
                tuple(dict.fromkeys((*known.roles, role))),
            )
    return list(found.values())


def seconds_per_record(
    trainings: Sequence[Training], models: Mapping[str, TrainedModel]
) -> dict[str, float]:
    """Kind of training -> mean seconds per record over its finished trainings.

    Args:
        trainings: of all kinds.
        models: name of a training -> its model, of those that are finished.
    """
    seconds: dict[str, list[float]] = {}
    for training in trainings:
        if (model := models.get(training.job.name)) is not None:
            seconds.setdefault(training.kind, []).append(model.seconds / training.records)
    return {kind: sum(each) / len(each) for kind, each in seconds.items()}
