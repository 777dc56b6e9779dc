"""The models of an audit: target, shadow, untrained control, and a pool of references."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.progress import Progress
from pixleak.core.roles import Role
from pixleak.pipeline.asking.self_check import asked_about, check_answers, dependent
from pixleak.pipeline.plan.plan import GivenTarget, Plan, TrainedTarget
from pixleak.pipeline.storage.store import Store, digest
from pixleak.pipeline.training_progress import TrainingProgress
from pixleak.results.controls import Control
from pixleak.results.models import ModelInfo
from pixleak.runners import runner_for
from pixleak.targets.altered import bare
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.targets.target_for import target_for
from pixleak.training.defence import described, modified_recipe, recipe_of
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.own.alike import check_different

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.training.method import TrainingMethod


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
    """All models of one audit; ``untrained`` and ``shadow`` may be missing.

    ``asked`` are the controls of the self-check of the target.
    """

    target: Model
    shadow: Model | None
    untrained: Model | None
    untrained_note: str
    references: tuple[Reference, ...] = ()
    asked: tuple[Control, ...] = ()


def obtain_models(plan: Plan, records: PreparedRecords, store: Store, progress: Progress) -> Models:
    """Train what has a training method (side by side, reusing finished models), load the rest."""
    names = () if plan.references is None else plan.references.membership.models
    _check_images(plan, records)
    _check_sizes(plan, records)
    if isinstance(plan.target, GivenTarget):
        # Queried first: if it cannot answer, nothing needs to be trained.
        asked, answers = _self_checked(plan.target.target, records, plan)
        target = _given("target", plan.target.target, answers)
        fresh = plan.target.untrained
        control = None
        if fresh is not None:
            control = _given("untrained", fresh, _probed(fresh, records, plan))
        note = plan.target.untrained_note
    trained = _train(plan, records, store, progress)
    if not isinstance(plan.target, GivenTarget):
        target = trained["target"].model()
        control, note = _untrained(plan, plan.target, records, store)
        images, answers = _images_and_answers(target.target, records, plan)
        asked = [dependent(target.target, images, answers)]
    shadow = trained["shadow"].model() if "shadow" in trained else None
    pool = tuple(trained[name] for name in names)
    return Models(target, shadow, control, note, pool, tuple(asked))


def _check_sizes(plan: Plan, records: PreparedRecords) -> None:
    """Refuse to train a model on images that differ in size."""
    sizes = sorted({shape[1:] for shape in records.image_shapes})
    if len(sizes) > 1 and (names := list(_methods(plan))):
        raise InputError(
            f"{records.name}: images differ in size (height, width), from {sizes[0]} to "
            f"{sizes[-1]}, but {names[0]} is trained on batches of one size, and learned attacks "
            "with it: resize them, with size of a reader of files or in your own Dataset or Records"
        )


def _check_images(plan: Plan, records: PreparedRecords) -> None:
    """Refuse to train a model, or to ask one, about records that have no images."""
    if records.image_shape[0] > 0:
        return
    if not isinstance(plan.target, GivenTarget) or not bare(plan.target.target).once:
        raise InputError(
            f"{records.name}: these records have no images, so that no model can be asked about "
            f"them; give the images, or saved answers with {setting('target.predictions')}"
        )
    if _methods(plan):
        raise InputError(
            f"{records.name}: these records have no images to train shadow or reference models on; "
            f"give the images, or leave {setting('references')} and {setting('attacker.shadow')} "
            "out"
        )


def _untrained(
    plan: Plan, target: TrainedTarget, records: PreparedRecords, store: Store
) -> tuple[Model | None, str]:
    """The target as it was before its training, or the reason why there is none."""
    seed = plan.seed_for("untrained")
    channels, height, width = records.image_shape
    job = training_jobs(plan, records, store)["target"]
    module = job.method.untrained_twin(
        partial(job.method.load, job.path), channels, records.truth, (height, width), seed
    )
    if isinstance(module, str):
        return None, module
    discriminator = None
    if target.access is Access.DISCRIMINATOR:
        discriminator = job.method.untrained_discriminator(
            channels, records.truth, (height, width), seed
        )
    control = Model(
        _target_of(module, records, "untrained", plan, discriminator, job.method),
        {target.method.name: described(target.method, plan.defences), "untrained": seed},
        ModelInfo(
            name="untrained",
            description="the target's network with random weights, trained on nothing: "
            "a control that must not tell members from non-members",
            seed=seed,
        ),
    )
    return control, ""


def _methods(plan: Plan) -> dict[str, tuple[TrainingMethod, tuple[str, ...]]]:
    """Name of every model to train -> how, and the ids of its training records."""
    methods: dict[str, tuple[TrainingMethod, tuple[str, ...]]] = {}
    if not isinstance(plan.target, GivenTarget):
        methods["target"] = (plan.target.method, plan.trained_on("target"))
    if plan.shadow is not None and plan.ids(Role.SHADOW_MEMBERS):
        methods["shadow"] = (plan.shadow, plan.trained_on("shadow"))
    if plan.references is not None:
        for name in plan.references.membership.models:
            methods[name] = (plan.references.method, plan.trained_on(name))
    return methods


def training_jobs(plan: Plan, records: PreparedRecords, store: Store) -> dict[str, TrainingJob]:
    """Name of every model -> its training, finished or not.

    Trainings of one path are the same, whichever audits they belong to.
    """
    jobs: dict[str, TrainingJob] = {}
    for name, (plain, ids) in _methods(plan).items():
        chosen = records.select(ids)
        defences = tuple(one for one in plan.defences_of(name) if one.side == "training")
        method = modified_recipe(plain, defences)
        reserve = None
        if any(one.needs_reserve for one in defences):
            reserve = records.select(plan.reserve_of(name))
        place = store.artefact(
            "model",
            {
                method.name: described(method, defences),
                "records": chosen.digest,
                "seed": plan.seed_for(name),
            }
            | ({} if reserve is None else {"reserve": reserve.digest}),
        )
        path = place.folder / f"weights{method.suffix}"
        jobs[name] = TrainingJob(
            name,
            method,
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
            progress=TrainingProgress(jobs, progress).report,
            resume=True,
            runner=runner_for(plan.runner, plan.workers),
        )
    }
    check_different(list(jobs.values()))
    return {
        name: Reference(
            partial(_load, plan, records, name, job),
            {"model": job.path.parent.name}
            | ({"defences": served} if (served := _served(plan, name)) else {}),
            ModelInfo(
                name=name,
                description=f"{job.method.description}, trained on {len(job.records)} records",
                recipe=None if recipe_of(job.method) is None else dict(job.method.identity),
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


def _load(plan: Plan, records: PreparedRecords, name: str, job: TrainingJob) -> Target:
    discriminator = None
    if plan.target.access is Access.DISCRIMINATOR:
        discriminator = job.method.load_discriminator(job.path)
    return _target_of(job.method.load(job.path), records, name, plan, discriminator, job.method)


def _target_of(
    module: nn.Module,
    records: PreparedRecords,
    name: str,
    plan: Plan,
    discriminator: nn.Module | None,
    method: TrainingMethod,
) -> Target:
    """A module that was trained here, as the target is asked: defended, with the same access."""
    access = plan.target.access
    truth, device = records.truth, plan.target.device
    first = access if access.of_images else method.answers_with
    target: Target = target_for(
        module, truth, first, name=name, device=device, discriminator=discriminator
    )
    for defence in plan.defences_of(name):
        target = defence.wrap_target(target)
    # Trained models mostly answer with logits, which are reduced to what the target grants.
    return target if access.of_images else restricted(target, access)


def _sides(plan: Plan) -> tuple[list[str], list[str]]:
    return asked_about(plan.ids(Role.TARGET_MEMBERS), plan.ids(Role.TARGET_NONMEMBERS))


def _self_checked(
    target: Target, records: PreparedRecords, plan: Plan
) -> tuple[list[Control], list[Tensor]]:
    """The controls of a given target's self-check, and its answers on the members asked about."""
    inside, outside = _sides(plan)
    controls, _ = check_answers(
        target,
        records.select(inside),
        records.select(outside),
        batch_size=plan.batch_size,
        samples=plan.samples,
    )
    return controls, _probed(target, records, plan)


def _probed(target: Target, records: PreparedRecords, plan: Plan) -> list[Tensor]:
    """Answers (1, ...) on a few members, to recognise a target by."""
    probe = records.select(_sides(plan)[0])
    return [target.predict(batch.images, batch.ids).values for batch in probe.batches(1)]


def _images_and_answers(
    target: Target, records: PreparedRecords, plan: Plan
) -> tuple[list[Tensor], list[Tensor]]:
    inside, outside = _sides(plan)
    batches = list(records.select([*inside, *outside]).batches(1))
    inner = bare(target)
    return [one.images for one in batches], [inner.predict(one.images).values for one in batches]


def _given(name: str, target: Target, answers: Sequence[Tensor]) -> Model:
    """A target from outside, recognised by its answers on a few records where that is possible.

    What is measured on a target that cannot be recognised is never reused.
    """
    known = target.identity(answers)
    if known is not None and target.adapter.settings:
        known = {**known, "adapter": target.adapter.settings}
    identity = {"asked": uuid.uuid4().hex} if known is None else _digests(known)
    info = ModelInfo(name=name, description=f"{target.name}, as given")
    return Model(target, {"name": name, **identity}, info)


def _digests(identity: Mapping[str, Any]) -> dict[str, str]:
    return {key: digest(value) for key, value in identity.items()}
