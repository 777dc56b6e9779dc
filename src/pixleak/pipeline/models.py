"""The models of an audit: target, shadow, untrained control, and a pool of references."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.progress import Progress
from pixleak.pipeline.plan.plan import GivenTarget, Plan, TrainedTarget
from pixleak.pipeline.storage.store import Store, digest
from pixleak.results.models import ModelInfo
from pixleak.runners import runner_for
from pixleak.targets.target_for import target_for
from pixleak.targets.base import Target
from pixleak.targets.module import ModuleTarget
from pixleak.targets.restricted import restricted
from pixleak.training.checkpoint import load_network
from pixleak.training.defence import described, modified_recipe
from pixleak.training.jobs import TrainingJob, discriminator_path, finished, train_all
from pixleak.training.untrained import outputs_of, untrained

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.training.recipe import Recipe


@dataclass(frozen=True)
class Model:
    """A model that can be asked, and what determines its answers.

    Args:
        target: what to query.
        identity: content address of its answers.
        info: what the result says about it.
    """

    target: Target
    identity: Mapping[str, Any]
    info: ModelInfo


@dataclass(frozen=True)
class Reference:
    """A finished model of the pool, opened when it is asked.

    Args:
        open: loads it.
        identity: content address of its answers.
        info: what the result says about it.
    """

    open: Callable[[], Target]
    identity: Mapping[str, Any]
    info: ModelInfo

    def model(self) -> Model:
        """The model, loaded."""
        return Model(self.open(), self.identity, self.info)


@dataclass(frozen=True)
class Models:
    """All models of one audit; ``untrained`` and ``shadow`` may be missing."""

    target: Model
    shadow: Model | None
    untrained: Model | None
    untrained_note: str
    references: tuple[Reference, ...] = ()


def obtain_models(plan: Plan, records: PreparedRecords, store: Store, progress: Progress) -> Models:
    """Train what a recipe describes (side by side, reusing finished models), load the rest."""
    names = () if plan.references is None else plan.references.membership.models
    if isinstance(plan.target, GivenTarget):
        # Asked first: if it cannot answer, nothing need be trained.
        target = _given("target", plan.target.target, records, plan)
        fresh = plan.target.untrained
        control = None if fresh is None else _given("untrained", fresh, records, plan)
        note = plan.target.untrained_note
    trained = _train(plan, records, store, progress)
    if not isinstance(plan.target, GivenTarget):
        target, note = trained["target"].model(), ""
        control = _untrained(plan, plan.target, records)
    shadow = trained["shadow"].model() if "shadow" in trained else None
    return Models(target, shadow, control, note, tuple(trained[name] for name in names))


def _untrained(plan: Plan, target: TrainedTarget, records: PreparedRecords) -> Model:
    """The target's network as it was before its training."""
    seed = plan.seed_for("untrained")
    module = untrained(
        modified_recipe(target.recipe, plan.defences),
        channels=records.image_shape[0],
        truth=records.truth,
        size=records.image_shape[1:],
        seed=seed,
    )
    discriminator = None
    if target.access is Access.DISCRIMINATOR:
        from pixleak.training.discriminators import Discriminator
        from pixleak.training.seeded import seeded

        assert target.recipe.adversary is not None
        with seeded(seed):
            discriminator = Discriminator(
                target.recipe.adversary,
                records.image_shape[0],
                outputs_of(records.truth),
                records.image_shape[1:],
            )
    return Model(
        _asked(module, records, "untrained", plan, discriminator),
        {"recipe": dict(described(target.recipe, plan.defences)), "untrained": seed},
        ModelInfo(
            name="untrained",
            description="the target's network with random weights, trained on nothing: "
            "a control that must not tell members from non-members",
            seed=seed,
        ),
    )


def _recipes(plan: Plan) -> dict[str, tuple[Recipe, tuple[str, ...]]]:
    """Of every model to train: how, and on which records."""
    recipes: dict[str, tuple[Recipe, tuple[str, ...]]] = {}
    if not isinstance(plan.target, GivenTarget):
        recipes["target"] = (plan.target.recipe, plan.trained_on("target"))
    if plan.shadow is not None and plan.ids("shadow-members"):
        recipes["shadow"] = (plan.shadow, plan.trained_on("shadow"))
    if plan.references is not None:
        recipe = plan.references.recipe
        for name in plan.references.membership.models:
            recipes[name] = (recipe, plan.trained_on(name))
    return recipes


def training_jobs(plan: Plan, records: PreparedRecords, store: Store) -> dict[str, TrainingJob]:
    """Every training that the audit needs, finished or not, by the model's name.

    Trainings of one path are one and the same, whichever audits they belong to.
    """
    jobs: dict[str, TrainingJob] = {}
    for name, (bare, ids) in _recipes(plan).items():
        chosen = records.select(ids)
        defences = tuple(one for one in plan.defences_of(name) if one.side == "training")
        recipe = modified_recipe(bare, defences)
        reserve = None
        if any(one.needs_reserve for one in defences):
            reserve = records.select(plan.reserve_of(name))
        place = store.artefact(
            "model",
            {
                "recipe": dict(described(recipe, defences)),
                "records": chosen.digest,
                "seed": plan.seed_for(name),
            }
            | ({} if reserve is None else {"reserve": reserve.digest}),
        )
        path = place.folder / "weights.safetensors"
        jobs[name] = TrainingJob(
            name,
            recipe,
            chosen,
            plan.seed_for(name),
            path,
            device=plan.target.device,
            pictures=bool(plan.exhibits) and plan.target.access.of_images and name == "target",
            defences=defences,
            reserve=reserve,
        )
    return jobs


def _train(
    plan: Plan, records: PreparedRecords, store: Store, progress: Progress
) -> dict[str, Reference]:
    jobs = training_jobs(plan, records, store)
    done = {
        model.name: model
        for model in train_all(
            list(jobs.values()),
            workers=plan.workers,
            progress=_Course(jobs, progress).report,
            resume=True,
            runner=runner_for(plan.runner, plan.workers),
        )
    }
    return {
        name: Reference(
            partial(_load, plan, records, name, job.path),
            {"model": job.path.parent.name}
            | ({"defences": served} if (served := _served(plan, name)) else {}),
            ModelInfo(
                name=name,
                description=f"{job.recipe.description}, trained on {len(job.records)} records",
                recipe=job.recipe.model_dump(mode="json"),
                defences=[one.description for one in plan.defences_of(name)],
                facts=dict(done[name].facts),
                seed=job.seed,
                seconds=done[name].seconds,
                epoch_losses=list(done[name].epoch_losses),
                weights=store.file(job.path),
            ),
        )
        for name, job in jobs.items()
    }


def _served(plan: Plan, name: str) -> list[dict[str, Any]]:
    """What changes a model's answers beside its weights, as part of their identity."""
    return [defence.settings for defence in plan.defences_of(name)]


class _Course:
    """Progress of target and shadow on their own, of a pool as a whole."""

    def __init__(self, jobs: Mapping[str, TrainingJob], progress: Progress) -> None:
        self._progress = progress
        pool = {name: job for name, job in jobs.items() if name.startswith("reference-")}
        self._total = sum(job.recipe.epochs for job in pool.values())
        self._pool = {name: job.recipe.epochs if finished(job) else 0 for name, job in pool.items()}

    def report(self, name: str, epoch: int, epochs: int, loss: float) -> None:
        """After each epoch of each model."""
        if name not in self._pool:
            self._progress.update(f"training the {name}", epoch, epochs, f"loss {loss:.3f}")
            return
        self._pool[name] = epoch
        done = sum(self._pool.values())
        title = f"training {len(self._pool)} references"
        self._progress.update(title, done, self._total, "epochs of all of them")


def _load(plan: Plan, records: PreparedRecords, name: str, path: Path) -> Target:
    discriminator = None
    if plan.target.access is Access.DISCRIMINATOR:
        from pixleak.training.discriminators import load_discriminator

        if discriminator_path(path).is_file():
            discriminator = load_discriminator(discriminator_path(path))
    return _asked(load_network(path), records, name, plan, discriminator)


def _asked(
    module: nn.Module,
    records: PreparedRecords,
    name: str,
    plan: Plan,
    discriminator: nn.Module | None,
) -> Target:
    access = plan.target.access
    truth, device = records.truth, plan.target.device
    first = access if access.of_images else Access.LOGIT
    target: Target = target_for(
        module, truth, first, name=name, device=device, discriminator=discriminator
    )
    for defence in plan.defences_of(name):
        target = defence.wrap_target(target)
    # What pixleak trains answers with logits, and is reduced to what the target grants.
    return target if access.of_images else restricted(target, access)


def _given(name: str, target: Target, records: PreparedRecords, plan: Plan) -> Model:
    """A target from outside, asked on a few records: whether it answers, and what it is.

    Only a module's soft answers can be known again, by its weights and by what it says. A
    function has nothing to know it by, and hard labels on a few records agree for many a model:
    what is measured on those is never used again.
    """
    probe = records.select(plan.ids("target-members", "target-nonmembers")[:4])
    raw = [target.predict(batch.images, batch.ids).values for batch in probe.batches(1)]
    single = all(values.shape[1] == 1 for values in raw)
    inside = all(float(v.min()) >= 0 and float(v.max()) <= 1 for v in raw)
    if name == "target" and target.access is Access.LOGIT and single and inside:
        # A trained model whose logits are all between 0 and 1 would be sure of nothing.
        raise InputError(
            "the target was declared to answer with logits, but its one channel lies in 0..1 on "
            "every pixel asked for: these look like probabilities, declare access: probability"
        )
    identity = {"name": name, "asked": uuid.uuid4().hex}
    if isinstance(target, ModuleTarget) and target.access is not Access.LABEL:
        weights = {
            key: _bytes(value) if isinstance(value, Tensor) else repr(value)
            for key, value in target.module.state_dict().items()
        }
        answers = [_bytes(values) for values in raw]
        beside = getattr(target, "discriminator", None)
        if beside is not None:
            weights |= {f"discriminator.{k}": _bytes(v) for k, v in beside.state_dict().items()}
        identity = {"name": name, "weights": digest(weights), "answers": digest(answers)}
    return Model(target, identity, ModelInfo(name=name, description=f"{target.name}, as given"))


def _bytes(values: Tensor) -> str:
    """SHA-256 of a tensor's shape, type and content."""
    plain = values.detach().cpu().contiguous()
    head = f"{plain.dtype} {tuple(plain.shape)} ".encode()
    # Viewed as bytes, since numpy lacks some of torch's types.
    return hashlib.sha256(head + plain.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
