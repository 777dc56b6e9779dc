"""From a request to a plan: open the records, split them, open what is attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pixleak.core.access import Access, access_for
from pixleak.core.errors import InputError, setting
from pixleak.core.roles import Role
from pixleak.core.truth import ImageTruth, Truth
from pixleak.pipeline.plan.plan import GivenTarget, Plan, Pool, TrainedTarget
from pixleak.pipeline.plan.poisoning import Poisoning, poisoned
from pixleak.records.base import Records
from pixleak.records.canaries import with_canaries
from pixleak.records.combine import gather
from pixleak.records.metadata import Attributes, metadata_from
from pixleak.records.splitting.blocks import block_split
from pixleak.records.splitting.membership import draw_membership
from pixleak.records.splitting.random import random_split
from pixleak.records.splitting.split import Split, read_split
from pixleak.request.given import open_records
from pixleak.targets.altered import AlteredTarget, bare
from pixleak.targets.target_for import adapted, opened_object
from pixleak.training.defence import check_defences

if TYPE_CHECKING:
    from pixleak.records.readers import Reader
    from pixleak.request.audit import AuditRequest
    from pixleak.request.target import TargetModel
    from pixleak.targets.base import Target
    from pixleak.training.defence import Defence
    from pixleak.training.method import TrainingMethod

Opening = Callable[["Records | Reader"], Records]
"""How the records that a request names are opened."""


def build(request: AuditRequest, opening: Opening = open_records) -> Plan:
    """Everything that a request asks for, opened and checked.

    Args:
        request: what is asked for.
        opening: how records are opened, for callers that hold some already. Of one set that is
            split only the keys and the truth are looked at.

    Raises:
        InputError: records, target or split cannot be built as requested.
    """
    records, split, attributes = _records_and_split(request, opening)
    defences = tuple(request.target.defences)
    _check_defences(request, defences, records.truth, split)
    target = open_target(request.target, records.truth, request.seed, defences)
    _check_trainings(request, target)
    if isinstance(target, GivenTarget):
        _check_records(request, target.target, records, split)
    attacker, generator = request.attacker, isinstance(records.truth, ImageTruth)
    if generator and attacker.learned:
        raise InputError(
            "signals are learned on predicted label maps, but the truth of these records is an "
            f"image: leave {setting('attacker.learned')} out"
        )
    if request.canaries is not None:
        ids = split.roles[Role.CANARIES]
        records = with_canaries(records, ids, request.canaries.kind, seed=request.seed)
    poisoning = None
    if request.poison is not None:
        poisoning = Poisoning(request.poison.poison, request.poison.shadows)
        records, split, poisoning = poisoned(records, split, poisoning, seed=request.seed)
    shadow = request.shadow_training if split.roles[Role.SHADOW_MEMBERS] else None
    return Plan(
        title=request.title,
        seed=request.seed,
        records=records,
        split=split,
        target=target,
        shadow=shadow,
        defences=defences,
        attacker=attacker.kind,
        signals=attacker.signals,
        learned=() if generator or shadow is None else attacker.learned,
        difficulties=attacker.difficulties,
        samples=request.target.samples,
        references=_pool(request, records, split),
        attacks=attacker.attacks,
        canaries=request.canaries,
        poisoning=poisoning,
        evaluation=request.evaluation,
        analyses=request.analyses,
        exhibits=request.run.exhibits,
        batch_size=request.run.batch_size,
        workers=request.run.workers,
        runner=request.run.runner,
        arguments=request.model_dump(mode="json", exclude_none=True),
        attributes=attributes,
    )


def _records_and_split(
    request: AuditRequest, opening: Opening
) -> tuple[Records, Split, dict[str, Attributes]]:
    """All records, who is trained on what, and what the metadata table says of each record."""
    table = None if request.metadata is None else metadata_from(request.metadata)
    if request.records is not None:
        records = opening(request.records)
        if table is not None:
            table.check(records.keys)
            records = table.with_subjects(records)
        stated = [] if table is None else table.of(records.keys)
        return records, _split(request, records), dict(zip(records.ids, stated, strict=False))
    sets: dict[str, Any] = {
        Role.TARGET_MEMBERS: request.members,
        Role.TARGET_NONMEMBERS: request.nonmembers,
        "shadow": request.attacker.records,
        Role.POPULATION: request.attacker.population,
        Role.SHADOW_RESERVE: request.target.reserve,
    }
    given = {role: opening(records) for role, records in sets.items() if records is not None}
    called = {
        Role.TARGET_MEMBERS: setting("members"),
        Role.TARGET_NONMEMBERS: setting("nonmembers"),
        "shadow": setting("attacker.records"),
        Role.POPULATION: setting("attacker.population"),
        Role.SHADOW_RESERVE: setting("target.reserve"),
    }
    stated = []
    if table is not None:
        keys = [key for records in given.values() for key in records.keys]
        table.check(keys)
        stated = table.of(keys)
        given = {role: table.with_subjects(records) for role, records in given.items()}
    together, split = gather(given, seed=request.seed, called=called)
    # Ids that occur in two sets get a prefix, and the order stays.
    return together, split, dict(zip(together.ids, stated, strict=False))


def _split(request: AuditRequest, records: Records) -> Split:
    split, shadow = request.split, request.attacker.shadow is not None
    if split.path is not None:
        return read_split(split.path, records)
    counts = split.counts(shadow, 0 if request.canaries is None else request.canaries.count)
    if split.kind == "blocks":
        drawn = block_split(records, counts, seed=request.seed, block=split.block, gap=split.gap)
    else:
        drawn = random_split(records, counts, seed=request.seed, unit=split.unit)
    return drawn if shadow else _without_shadow(drawn)


def _without_shadow(split: Split) -> Split:
    """The shadow's records go to the target where there is no shadow."""
    roles = {
        Role.TARGET_MEMBERS: split.roles[Role.TARGET_MEMBERS] + split.roles[Role.SHADOW_MEMBERS],
        Role.TARGET_NONMEMBERS: split.roles[Role.TARGET_NONMEMBERS]
        + split.roles[Role.SHADOW_NONMEMBERS],
    }
    kept = {role: split.roles[role] for role in (Role.POPULATION, Role.CANARIES, Role.RESERVE)}
    return replace(split, roles=roles | kept)


def _check_records(request: AuditRequest, target: Target, records: Records, split: Split) -> None:
    """Refuse what a given target that was asked beforehand cannot serve."""
    defended = isinstance(target, AlteredTarget)
    target = bare(target)
    if target.once and request.target.samples > 1:
        raise InputError(
            f"{setting('target.samples')} is {request.target.samples}, but {target.once}"
        )
    if target.once and defended:
        raise InputError(
            f"{setting('target.defences')} alter answers when they are given, but {target.once}; "
            "leave them out, and save predictions with the defence in place"
        )
    asked = (
        Role.TARGET_MEMBERS,
        Role.TARGET_NONMEMBERS,
        Role.POPULATION,
        Role.SHADOW_MEMBERS,
        Role.SHADOW_NONMEMBERS,
    )
    target.expect([key for role in asked for key in split.roles[role]], records.ids)


def _pool(request: AuditRequest, records: Records, split: Split) -> Pool | None:
    if request.references is None:
        return None
    return draw_pool(
        request.reference_training,
        records,
        split,
        models=request.references.models,
        trained_on=request.references.records,
        leave_one_out=request.references.leave_one_out,
        seed=request.seed,
    )


def draw_pool(
    training: TrainingMethod,
    records: Records,
    split: Split,
    *,
    models: int,
    trained_on: Literal["audited", "own"] = "audited",
    leave_one_out: bool = True,
    seed: int,
) -> Pool:
    """Draw which reference model is trained on which records.

    Raises:
        InputError: there are too few records for this number of models.
    """
    roles: tuple[Role, ...] = (Role.SHADOW_MEMBERS, Role.SHADOW_NONMEMBERS)
    if trained_on == "audited":
        roles = (
            Role.TARGET_MEMBERS,
            Role.TARGET_NONMEMBERS,
            Role.BYSTANDER_MEMBERS,
            Role.BYSTANDER_NONMEMBERS,
        )
    ids = [key for role in roles for key in split.roles[role]]
    return Pool(
        method=training,
        membership=draw_membership(ids, split.units(records), models, seed=seed),
        records=trained_on,
        unit=split.unit,
        leave_one_out=leave_one_out,
    )


def _check_trainings(request: AuditRequest, target: GivenTarget | TrainedTarget) -> None:
    """Refuse altered records that nobody is trained on, and models that answer too little."""
    methods: tuple[tuple[str, TrainingMethod | None], ...] = (
        ("references", request.reference_training),
        ("attacker.shadow", request.shadow_training),
        ("target", request.target.training),
    )
    for part in ("canaries", "poison"):
        for name, method in methods:
            blind = method is not None and not method.trains_on_pixels
            if getattr(request, part) is not None and blind:
                raise InputError(
                    f"{setting(part)} alters records, but {setting(name)} is trained by a command "
                    "that is told their ids alone and reads the unaltered files: add one of the "
                    "places {records}, {images} or {truths} to the command"
                )
    if target.access.of_images:
        return
    for name, method in methods[:2]:
        if method is not None and not method.answers_with.grants(target.access):
            raise InputError(
                f"{setting(name)}: the models of {method.description} answer with "
                f"{method.answers_with} access, but the target with {target.access}: set "
                f"{setting('target.access')} to {method.answers_with}"
            )


def _check_defences(
    request: AuditRequest, defences: Sequence[Defence], truth: Truth, split: Split
) -> None:
    """Check the defences against how the target, or else the attacker's models, are trained."""
    training = request.target.training or request.reference_training or request.shadow_training
    reserve = any(split.roles[role] for role in (Role.RESERVE, Role.SHADOW_RESERVE))
    check_defences(defences, training, truth, reserve=reserve)


def open_target(
    target: TargetModel, truth: Truth, seed: int, defences: Sequence[Defence] = ()
) -> GivenTarget | TrainedTarget:
    """What a request names as the target.

    Args:
        target: part of the request.
        truth: of the records.
        seed: of the untrained twin.
        defences: of a target that exists already; they are put around it here.

    Raises:
        InputError: it cannot be opened, or its access does not go with the truth.
    """
    method = target.training
    if method is not None:
        access = _access_of(method, truth, target.access)
        if access is Access.DISCRIMINATOR and not method.has_discriminator:
            raise InputError(
                f"{setting('target.access')} is discriminator, but the training has no "
                f"adversary: {method.description}"
            )
        method.check(truth)
        for defence in defences:
            access = defence.access_after(access)
        return TrainedTarget(method, access, target.device)
    given = open_existing(target, truth, seed)
    for defence in defences:
        twin = None if given.untrained is None else defence.wrap_target(given.untrained)
        given = replace(given, target=defence.wrap_target(given.target), untrained=twin)
    return given


def _access_of(method: TrainingMethod, truth: Truth, given: Access | None) -> Access:
    """What a target that is trained here grants: no more than its module answers with."""
    access = access_for(truth, given)
    if access.of_images or method.answers_with.grants(access):
        return access
    if given is None:
        return method.answers_with
    raise InputError(
        f"{setting('target.access')} is {given}, but the module that {method.description} trains "
        f"answers with {method.answers_with} access: give that, or label"
    )


def open_existing(target: TargetModel, truth: Truth, seed: int) -> GivenTarget:
    """A target that exists already, without its defences.

    Raises:
        InputError: it cannot be opened, or its access does not go with the truth.
    """
    access = access_for(truth, target.access)
    if target.kind is not None:
        opened = target.kind.open(truth, access, device=target.device)
    else:
        opened = opened_object(
            target.model,
            truth,
            access,
            device=target.device,
            discriminator=target.discriminator,
        )
    if target.adapter.settings:
        opened = adapted(opened, target.adapter)
    return GivenTarget.of(opened, seed, target.device)
