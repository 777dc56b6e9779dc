"""The distinct trainings of a study, whichever cells need them, and how long they will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pixleak.pipeline.models import training_jobs
from pixleak.pipeline.storage.store import Store, digest
from pixleak.records.prepared.prepare import PreparedRecords
from pixleak.runners import Job
from pixleak.runners.base import Message
from pixleak.studies.plan.sharing import Ready
from pixleak.training.defence import described
from pixleak.training.jobs import TrainedModel, TrainingJob, finished


@dataclass(frozen=True)
class Training:
    """One model to train, for all the cells that need it.

    Args:
        job: named by the content address of the model.
        cells: ids of the cells.
        roles: what it is in them: ``"target"``, ``"shadow"``, ``"reference-0"``.
    """

    job: TrainingJob
    cells: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Trainings of one kind take as long as one another, record by record."""
        method = self.job.method
        return digest([method.name, described(method, self.job.defences), self.job.device])

    @property
    def records(self) -> int:
        """How many records it is trained on."""
        return len(self.job.records)

    def finished(self) -> TrainedModel | None:
        """The model, where it is trained already."""
        return finished(self.job)


def trainings_of(cells: Sequence[Ready], store: Store) -> list[Training]:
    """Every training that some cell needs, once."""
    found: dict[Path, Training] = {}
    for ready in cells:
        for role, job in training_jobs(ready.plan, ready.records, store).items():
            known = found.get(job.path)
            if known is None:
                named = replace(job, name=job.path.parent.name)
                found[job.path] = Training(named, (ready.cell.id,), (role,))
                continue
            found[job.path] = replace(
                known,
                job=replace(known.job, pictures=known.job.pictures or job.pictures),
                cells=tuple(dict.fromkeys((*known.cells, ready.cell.id))),
                roles=tuple(dict.fromkeys((*known.roles, role))),
            )
    return list(found.values())


def rates_of(models: Mapping[str, tuple[Training, TrainedModel]]) -> dict[str, float]:
    """Kind of training -> mean seconds a record of those that are finished."""
    seconds: dict[str, list[float]] = {}
    for training, model in models.values():
        seconds.setdefault(training.kind, []).append(model.seconds / training.records)
    return {kind: sum(each) / len(each) for kind, each in seconds.items()}


@dataclass(frozen=True, eq=False)
class Calibration(Job):
    """Two short epochs on a few batches, to tell how long a training will take.

    Its answer's ``rate`` is in seconds a record of the whole training, beside what it takes
    however many records there are.
    """

    name: str
    training: TrainingJob
    device: str = "cpu"

    @classmethod
    def of(cls, training: Training) -> Calibration:
        """For all trainings of this kind."""
        return cls(training.kind, training.job, training.job.device)

    @property
    def title(self) -> str:
        return "the calibration"

    @property
    def outputs(self) -> tuple[Path, ...]:
        return ()

    @property
    def inputs(self) -> Path | None:
        return self.training.inputs

    def portable(self, folder: Path) -> Self:
        return replace(self, training=self.training.portable(folder))

    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        return replace(self, training=self.training.elsewhere(arrays, folder))

    def run(self, say: Callable[[Message], None]) -> Message:
        job = self.training
        records = job.records
        trial = job.method.trial()
        assert isinstance(records, PreparedRecords)
        assert trial is not None
        assert job.method.steps is not None
        method, count = trial
        few = records.select(records.ids[:count])
        reserve = job.reserve
        if isinstance(reserve, PreparedRecords):
            # As much of it to a record as in the training itself, since many defences go through
            # all of it in every epoch.
            count = max(2, round(len(reserve) * len(few) / len(records)))
            reserve = reserve.select(reserve.ids[:count])
        ends: list[float] = []
        method.train(
            few,
            seed=job.seed,
            device=job.device,
            on_epoch=lambda epoch, loss: ends.append(time.perf_counter()),
            defences=job.defences,
            reserve=reserve,
        )
        # Some defences train a second model first, which takes as many epochs again.
        times = len(ends) / (method.steps or len(ends))
        return {"rate": (ends[-1] - ends[-2]) * times * job.method.steps / len(few)}
