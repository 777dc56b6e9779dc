"""Short trials of trainings, to predict how long whole ones take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pixleak.core.errors import PixleakError
from pixleak.records.prepared.prepare import PreparedRecords
from pixleak.request.doors import yaml
from pixleak.runners import Job, runner_for
from pixleak.runners.base import Message
from pixleak.studies.plan.trainings import Training
from pixleak.training.jobs import TrainingJob


@dataclass(frozen=True)
class TrialTimes:
    """What trials of trainings showed.

    Args:
        per_record: kind of training -> seconds per record.
        errors: one sentence for every way in which a trial failed; the trainings will fail too.
    """

    per_record: dict[str, float]
    errors: tuple[str, ...] = ()


def time_trainings(trainings: Sequence[Training], workers: int) -> TrialTimes:
    """Time a few batches of every training.

    Args:
        trainings: of different kinds.
        workers: processes side by side.
    """
    timed = [one for one in trainings if one.job.method.trial() is not None]
    jobs = [TrialJob(one.kind, one.job, one.job.device) for one in timed]
    answers = runner_for("local", workers).run(jobs, lambda *_: None, keep_going=True)
    errors = dict.fromkeys(error_sentence(answer) for answer in answers if "error" in answer)
    per_record = {
        job.name: answer["per_record"]
        for job, answer in zip(jobs, answers, strict=True)
        if "error" not in answer
    }
    return TrialTimes(per_record, tuple(errors))


def error_sentence(answer: Message) -> str:
    """The error in a job's answer in one line; of an unforeseen error the last of its traceback."""
    # Settings in it are written as keys, since a study is written in YAML.
    lines = PixleakError(answer["error"]).told(yaml).strip().splitlines()
    return lines[0] if answer["kind"] else f"unforeseen: {lines[-1]}"


@dataclass(frozen=True, eq=False)
class TrialJob(Job):
    """A short version of a training: its last epoch is timed, the ones before warm up.

    Its answer's ``per_record`` is in seconds per record of the whole training, without the time
    that does not depend on the number of records.
    """

    name: str
    training: TrainingJob
    device: str = "cpu"

    @property
    def title(self) -> str:
        return "the trial of a training"

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
        records, reserve = job.records, job.reserve
        trial, steps = job.method.trial(), job.method.steps
        assert isinstance(records, PreparedRecords)
        assert trial is not None
        assert steps is not None
        method, count = trial
        few = records.select(records.ids[:count])
        if isinstance(reserve, PreparedRecords):
            # In proportion to the records, since many defences go through the whole reserve in
            # every epoch.
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
        # Some defences train a second model first, for as many epochs again.
        models = len(ends) / (method.steps or len(ends))
        return {"per_record": (ends[-1] - ends[-2]) * models * steps / len(few)}
