"""The models of an audit: the target, the attacker's shadow, and the untrained control."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pixleak.auditing.plan import GivenTarget, Plan
from pixleak.auditing.progress import Progress
from pixleak.auditing.store import Store, digest
from pixleak.errors import InputError
from pixleak.results import ModelInfo
from pixleak.targets.base import Target
from pixleak.targets.module import ModuleTarget
from pixleak.targets.restricted import restricted
from pixleak.training.checkpoint import load_network
from pixleak.training.side_by_side import TrainingJob, train_all
from pixleak.training.untrained import untrained
from pixleak.types import Access

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.prepare import PreparedRecords
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
class Models:
    """All models of one audit; ``untrained`` and ``shadow`` may be missing."""

    target: Model
    shadow: Model | None
    untrained: Model | None
    untrained_note: str


def obtain_models(plan: Plan, records: PreparedRecords, store: Store, progress: Progress) -> Models:
    """Train what a recipe describes (side by side, reusing finished models), load the rest."""
    recipes: dict[str, tuple[Recipe, tuple[str, ...]]] = {}
    if not isinstance(plan.target, GivenTarget):
        recipes["target"] = (plan.target.recipe, plan.ids("target-members"))
    if plan.shadow is not None and plan.ids("shadow-members"):
        recipes["shadow"] = (plan.shadow, plan.ids("shadow-members"))
    if isinstance(plan.target, GivenTarget):
        # Asked first: if it cannot answer, nothing need be trained.
        target = _given("target", plan.target.target, records, plan)
        fresh = plan.target.untrained
        control = None if fresh is None else _given("untrained", fresh, records, plan)
        trained = _train(plan, records, recipes, store, progress)
        return Models(target, trained.get("shadow"), control, plan.target.untrained_note)
    trained = _train(plan, records, recipes, store, progress)
    recipe = plan.target.recipe
    access = plan.target.access
    module = untrained(
        recipe,
        channels=records.image_shape[0],
        truth=records.truth,
        size=records.image_shape[1:],
        seed=plan.seed_for("untrained"),
    )
    control = Model(
        restricted(_asked(module, records, "untrained model", plan), access),
        {"recipe": recipe.model_dump(mode="json"), "untrained": plan.seed_for("untrained")},
        ModelInfo(
            name="untrained",
            description="the target's network with random weights, trained on nothing: "
            "a control that must not tell members from non-members",
            seed=plan.seed_for("untrained"),
        ),
    )
    return Models(trained["target"], trained.get("shadow"), control, "")


def _train(
    plan: Plan,
    records: PreparedRecords,
    recipes: Mapping[str, tuple[Recipe, tuple[str, ...]]],
    store: Store,
    progress: Progress,
) -> dict[str, Model]:
    jobs: dict[str, TrainingJob] = {}
    for name, (recipe, ids) in recipes.items():
        chosen = records.select(ids)
        place = store.artefact(
            "model",
            {
                "recipe": recipe.model_dump(mode="json"),
                "records": chosen.digest,
                "seed": plan.seed_for(name),
            },
        )
        path = place.folder / "weights.safetensors"
        jobs[name] = TrainingJob(
            name, recipe, chosen, plan.seed_for(name), path, device=plan.target.device
        )

    def report(name: str, epoch: int, epochs: int, loss: float) -> None:
        progress.update(f"training the {name}", epoch, epochs, f"loss {loss:.3f}")

    done = {
        m.name: m
        for m in train_all(list(jobs.values()), workers=plan.workers, progress=report, resume=True)
    }
    access = plan.target.access
    models = {}
    for name, job in jobs.items():
        module = load_network(job.path)
        models[name] = Model(
            restricted(_asked(module, records, name, plan), access),
            {"model": job.path.parent.name},
            ModelInfo(
                name=name,
                description=f"{job.recipe.description}, trained on {len(job.records)} records",
                recipe=job.recipe.model_dump(mode="json"),
                seed=job.seed,
                seconds=done[name].seconds,
                epoch_losses=list(done[name].epoch_losses),
                weights=str(job.path.relative_to(store.root.parent)),
            ),
        )
    return models


def _asked(module: nn.Module, records: PreparedRecords, name: str, plan: Plan) -> Target:
    return ModuleTarget(module, records.truth, Access.LOGIT, name=name, device=plan.target.device)


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
        identity = {"name": name, "weights": digest(weights), "answers": digest(answers)}
    return Model(target, identity, ModelInfo(name=name, description=f"{target.name}, as given"))


def _bytes(values: Tensor) -> str:
    """SHA-256 of a tensor's shape, type and content."""
    plain = values.detach().cpu().contiguous()
    head = f"{plain.dtype} {tuple(plain.shape)} ".encode()
    # Viewed as bytes, since numpy lacks some of torch's types.
    return hashlib.sha256(head + plain.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
