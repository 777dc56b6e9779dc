"""Train independent models side by side.

Each is trained in a process of its own with one thread, so its weights are a function of recipe,
records and seed alone: neither the number of workers nor where they run changes anything. Records
that are not prepared are written to a temporary folder first, so their loader may be anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pixleak.core.errors import InputError
from pixleak.core.files import replaced, writing
from pixleak.records.base import Records
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.runners import Job, Runner, runner_for
from pixleak.runners.base import Message
from pixleak.training.defence import Defence, described
from pixleak.training.recipe import Recipe

if TYPE_CHECKING:
    from pixleak.training.loop.fit import Trained

OnProgress = Callable[[str, int, int, float], None]
"""(job name, epoch from 1, epochs, mean loss of the epoch)."""


@dataclass(frozen=True, eq=False)
class TrainingJob(Job):
    """One model to train.

    Args:
        name: unique among the jobs.
        recipe: how.
        records: on what.
        seed: of initialisation, order and augmentation.
        path: where its weights go (safetensors); a ``.json`` beside it holds how it went.
        device: where to train.
        pictures: of a generator's answers as its training goes on, beside its weights.
        defences: what changes the training; the recipe is as altered by them.
        reserve: what the defender holds beside ``records``, for defences that need it; where both
            are prepared they lie in one folder.
    """

    name: str
    recipe: Recipe
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
        others = []
        if self.recipe.adversary is not None:
            others.append(discriminator_path(self.path))
        if self.pictures:
            others.append(pictures_path(self.path))
        return self.path, *others, summary_path(self.path)

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
        from pixleak.training.loop.fit import fit

        trained = fit(
            self.recipe,
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
        partial_path(self.path).unlink(missing_ok=True)
        return answer


def _commit(job: TrainingJob, trained: Trained) -> Message:
    """Weights first and the summary last, so that a summary vouches for the weights beside it."""
    from pixleak.training.checkpoint import network_metadata, save_weights
    from pixleak.training.untrained import outputs_of

    course = {
        "epoch_losses": list(trained.epoch_losses),
        "seconds": trained.seconds,
        "facts": dict(trained.facts),
    }
    weights, summary = job.outputs[0], job.outputs[-1]
    with writing(summary):
        summary.unlink(missing_ok=True)
    channels, height, width = job.records[0].image.shape
    network = job.recipe.network
    save_weights(
        trained.module,
        weights,
        network_metadata(
            network.name,
            network.options,
            channels,
            outputs_of(job.records.truth),
            (height, width),
            group_norm=network.group_norm,
        ),
    )
    if job.recipe.adversary is not None:
        from pixleak.training.discriminators import describe

        save_weights(
            trained.companions["discriminator"],
            discriminator_path(job.path),
            describe(
                job.recipe.adversary, channels, outputs_of(job.records.truth), (height, width)
            ),
        )
    if job.pictures:
        from pixleak.training.loop.samples import save_sheet

        save_sheet(pictures_path(job.path), job.records, trained.pictures)
    content = {"recipe": described(job.recipe, job.defences), "seed": job.seed, **course}
    with replaced(summary) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return course


@dataclass(frozen=True)
class TrainedModel:
    """A model on disk.

    Args:
        name: of its job.
        path: of its weights, to be read by :func:`pixleak.training.checkpoint.load_network`.
        epoch_losses: mean training loss of each epoch.
        seconds: wall time of its training.
        facts: what defences have to say of it.
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

    When one fails, the others that are still running are stopped, and those that are finished
    stay. The weights do not depend on ``workers``.

    Args:
        jobs: in any number; their names and paths must differ.
        workers: how many to train at a time; by default as many as there are cores.
        progress: called in this thread after each epoch of each job.
        resume: take a job whose files are there already as done. Only for paths that name the
            records, as content-addressed ones do: the files are compared with the job's recipe
            and seed, not with its records.
        runner: where they run: :func:`pixleak.runners.runner_for`; None for processes here.

    Returns:
        One model a job, in the jobs' order.

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
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    models: dict[str, TrainedModel] = {}
    if resume:
        models = {job.name: model for job in jobs if (model := finished(job)) is not None}
    waiting = [job for job in jobs if job.name not in models]

    def heard(job: Job, message: Message) -> None:
        if progress is not None and isinstance(job, TrainingJob):
            progress(job.name, message["epoch"], job.recipe.epochs, message["loss"])

    answers = (runner or runner_for("local", workers)).run(waiting, heard)
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
    """What training this job left on disk, or None if it is not there or is another recipe's."""
    path = summary_path(job.path)
    if not all(file.is_file() for file in job.outputs):
        return None
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        written = json.loads(json.dumps(described(job.recipe, job.defences)))
        if summary["recipe"] != written or summary["seed"] != job.seed:
            return None
        return TrainedModel(
            job.name,
            job.path,
            tuple(summary["epoch_losses"]),
            summary["seconds"],
            summary.get("facts", {}),
        )
    except (ValueError, KeyError, TypeError):  # somebody else's file
        return None


def summary_path(weights: Path) -> Path:
    """Where the course of a training lies, beside its weights."""
    return weights.with_suffix(".json")


def discriminator_path(weights: Path) -> Path:
    """Where the weights of the discriminator lie that a generator was trained against."""
    return weights.with_suffix(".discriminator.safetensors")


def pictures_path(weights: Path) -> Path:
    """Where pictures of a generator's answers during its training lie."""
    return weights.with_suffix(".png")


def partial_path(weights: Path) -> Path:
    """Where the state of an unfinished training lies."""
    return weights.with_suffix(".partial")
