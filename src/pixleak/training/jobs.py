"""Train independent models side by side.

Each is trained in a process of its own with one thread, so its weights are a function of method,
records and seed alone: neither the number of workers nor where they run changes anything. Records
that are not prepared are written to a temporary folder first, so their loader may be anything.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pixleak.core.disk.whole_files import damaged, file_digest, replaced, writing
from pixleak.core.errors import InputError
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.runners import Job, Runner, runner_for
from pixleak.runners.base import Message
from pixleak.training.defence import Defence, described
from pixleak.training.method import TrainingMethod
from pixleak.training.own.printed import lines_logged

if TYPE_CHECKING:
    from pixleak.training.trained import Trained

OnProgress = Callable[[str, int, int | None, float], None]
"""(job name, epoch from 1, number of epochs or None, mean loss of the epoch)."""


@dataclass(frozen=True, eq=False)
class TrainingJob(Job):
    """One model to train.

    Args:
        name: unique among the jobs.
        method: how to train, as modified by the defences.
        records: what to train on.
        seed: every random choice of the training follows from it.
        path: of the weights; a ``.json`` beside it holds a summary of the training.
        device: where to train.
        pictures: whether to save pictures of a generator's answers during its training.
        defences: what changes the steps of the training.
        reserve: what the defender holds beside ``records``, for defences that need it; where both
            are prepared they are in one folder.
    """

    name: str
    method: TrainingMethod
    records: Records
    seed: int
    path: Path
    device: str = "cpu"
    pictures: bool = False
    defences: tuple[Defence, ...] = ()
    reserve: Records | None = None

    @property
    def title(self) -> str:
        return f"training {self.name!r}"

    @property
    def outputs(self) -> tuple[Path, ...]:
        pictures = (pictures_path(self.path),) if self.pictures else ()
        return *self.method.outputs(self.path), *pictures, summary_path(self.path)

    @property
    def determined_by(self) -> dict[str, Any]:
        """What determines the weights beside the records, in plain JSON values."""
        return {self.method.name: described(self.method, self.defences), "seed": self.seed}

    @property
    def trained_on(self) -> dict[str, str | None]:
        """Digests of the records and of the reserve; empty where they are not prepared."""
        records, reserve = self.records, self.reserve
        if not isinstance(records, PreparedRecords) or not (
            reserve is None or isinstance(reserve, PreparedRecords)
        ):
            return {}
        return {"records": records.digest, "reserve": None if reserve is None else reserve.digest}

    @property
    def inputs(self) -> Path | None:
        return self.records.folder if isinstance(self.records, PreparedRecords) else None

    def portable(self, folder: Path) -> Self:
        records, reserve = self.records, self.reserve
        if not isinstance(records, PreparedRecords):
            records = prepare(records, folder)
        if reserve is not None and not isinstance(reserve, PreparedRecords):
            reserve = prepare(reserve, folder / "reserve")
        return replace(self, records=records, reserve=reserve)

    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        assert isinstance(self.records, PreparedRecords)
        records, reserve = self.records.in_memory(arrays), self.reserve
        if reserve is not None:
            assert isinstance(reserve, PreparedRecords)
            reserve = reserve.in_memory(arrays)
        return replace(self, records=records, reserve=reserve, path=folder / self.path.name)

    def run(self, say: Callable[[Message], None]) -> Message:
        with lines_logged(self.name):
            trained = self.method.train(
                self.records,
                seed=self.seed,
                device=self.device,
                on_epoch=lambda epoch, loss: say({"epoch": epoch, "loss": loss}),
                partial=partial_path(self.path),
                pictures=self.pictures,
                defences=self.defences,
                reserve=self.reserve,
            )
        answer = _commit(self, trained)
        _without_partial(self.path)
        return answer


def _commit(job: TrainingJob, trained: Trained) -> Message:
    """Write the model, and last the summary, which vouches for the files beside it."""
    course = {
        "epoch_losses": list(trained.epoch_losses),
        "seconds": trained.seconds,
        "facts": dict(trained.facts),
    }
    summary = summary_path(job.path)
    with writing(summary):
        summary.parent.mkdir(parents=True, exist_ok=True)
        summary.unlink(missing_ok=True)
    job.method.save(trained, job.records, job.path)
    if job.pictures:
        from pixleak.training.loop.samples import save_sheet

        save_sheet(pictures_path(job.path), job.records, trained.pictures)
    digests = {file.name: file_digest(file) for file in job.outputs if file != summary}
    content = {**job.determined_by, **job.trained_on, **course, "digests": digests}
    content["digest"] = _digest(content)
    with replaced(summary) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return course


def _digest(summary: Mapping[str, Any]) -> str:
    """SHA-256 of a summary but for the digest that it holds itself."""
    content = {name: value for name, value in summary.items() if name != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk.

    Args:
        name: of its job.
        path: of its weights, to be read by the method's ``load``.
        epoch_losses: mean training loss of each epoch.
        seconds: wall time of its training.
        facts: what the training says about itself.
    """

    name: str
    path: Path
    epoch_losses: tuple[float, ...]
    seconds: float
    facts: Mapping[str, float | str] = field(default_factory=dict)


def train_all(
    jobs: Sequence[TrainingJob],
    *,
    workers: int | None = None,
    progress: OnProgress | None = None,
    resume: bool = False,
    runner: Runner | None = None,
) -> list[TrainedModel]:
    """Train every job; each is committed to disk the moment it is finished.

    When one fails, those that are still running are stopped, and those that are finished are
    kept. The weights do not depend on ``workers``.

    Args:
        jobs: in any number; their names and paths must differ.
        workers: how many models to train at once, each in a process; 0 trains in this process; by
            default as many as there are cores.
        progress: called in this thread after each epoch of each job.
        resume: take a job as done where its files exist. Only for paths that depend on the
            records, as content-addressed ones do: the files are compared with the job's method
            and seed, not with its records.
        runner: where they run: :func:`pixleak.runners.runner_for`; None for this machine.

    Returns:
        One model per job, in the jobs' order.

    Raises:
        InputError: a job's own (diverged, wrong records, no space, ...), or two jobs share a
            name or a path.
        PixleakError: a worker process died.
    """
    for what, values in (
        ("name", [job.name for job in jobs]),
        ("path", [str(job.path.resolve()) for job in jobs]),
    ):
        if twice := [value for value in values if values.count(value) > 1]:
            raise InputError(f"two training jobs share the {what} {twice[0]!r}")
    models: dict[str, TrainedModel] = {}
    if resume:
        models = {job.name: model for job in jobs if (model := finished(job)) is not None}
    waiting = [job for job in jobs if job.name not in models]

    def on_message(job: Job, message: Message) -> None:
        if progress is not None and isinstance(job, TrainingJob):
            progress(job.name, message["epoch"], job.method.steps, message["loss"])

    answers = (runner or runner_for("local", workers)).run(waiting, on_message)
    for job, answer in zip(waiting, answers, strict=True):
        models[job.name] = TrainedModel(
            job.name,
            job.path,
            tuple(answer["epoch_losses"]),
            answer["seconds"],
            answer.get("facts", {}),
        )
    return [models[job.name] for job in jobs]


def finished(job: TrainingJob) -> TrainedModel | None:
    """The model that this job left on disk; None if it is missing.

    If it is damaged or of another training, a line says so, and its summary is removed.
    """
    path = summary_path(job.path)
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(job.determined_by | job.trained_on))
        intact = summary["digest"] == _digest(summary)
        intact &= all(summary[key] == value for key, value in wanted.items())
        digests = summary["digests"]
        if intact and not {file.name for file in job.outputs if file != path} <= set(digests):
            return None  # pictures are wanted now, which were not then
        intact &= all(_holds(path.with_name(name), digest) for name, digest in digests.items())
        if intact:
            _without_partial(job.path)
            return TrainedModel(
                job.name,
                job.path,
                tuple(summary["epoch_losses"]),
                summary["seconds"],
                summary["facts"],
            )
    except (ValueError, KeyError, TypeError, AttributeError):  # somebody else's file
        pass
    damaged(path)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return None


def _without_partial(weights: Path) -> None:
    """Remove the states that a finished training was resumed from, its own and of a teacher."""
    for left in weights.parent.glob(f"{partial_path(weights).name}*"):
        with suppress(OSError):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def _holds(file: Path, digest: object) -> bool:
    try:
        return file_digest(file) == digest
    except OSError:
        return False


def summary_path(weights: Path) -> Path:
    """Where the summary of a training is, beside its weights."""
    return weights.with_suffix(".json")


def pictures_path(weights: Path) -> Path:
    """Where pictures of a generator's answers during its training are."""
    return weights.with_suffix(".png")


def partial_path(weights: Path) -> Path:
    """Where the state of an unfinished training is."""
    return weights.with_suffix(".partial")
