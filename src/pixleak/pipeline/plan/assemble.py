"""From a configuration to a plan: open the records, split them, load what is attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pixleak.core.access import Access, access_for
from pixleak.core.errors import InputError, setting
from pixleak.core.registry import made
from pixleak.core.truth import ImageTruth, Truth
from pixleak.pipeline.plan.plan import GivenTarget, Plan, References, TrainedTarget
from pixleak.pipeline.plan.poisoned import Poisoning, poisoned
from pixleak.records.canaries import with_canaries
from pixleak.records.combine import gather
from pixleak.records.splitting.membership import draw_membership
from pixleak.records.splitting.random import Split, block_split, random_split, read_split
from pixleak.request.audit import (
    DEFAULT_DIFFICULTIES,
    DEFAULT_IMAGE_SIGNALS,
    DEFAULT_LABEL_SIGNALS,
    DEFAULT_SIGNALS,
    AuditConfig,
    DefenceConfig,
    DifficultyConfig,
    PoisonConfig,
    SplitConfig,
    TargetConfig,
)
from pixleak.training.defence import check_defences
from pixleak.training.target_kinds import target_kind_from

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.request.sources import Source
    from pixleak.training.defence import Defence
    from pixleak.training.method import TrainingMethod


GIVEN_KEYS = {"module", "checkpoint", "allow_pickle", "discriminator", "function", "weights"}
"""Settings of a target that exists already, which its kind understands."""

Opening = Callable[["Source"], "Records"]
"""How the records of a source are had."""


def opened(source: Source) -> Records:
    """The records of a source, from its files."""
    return source.open()


def assemble(config: AuditConfig, opening: Opening = opened) -> Plan:
    """Everything that a configuration asks for, opened and checked.

    Args:
        config: what is asked for.
        opening: how records are had, for callers that hold some already. Of one set that is split
            only the keys and the truth are looked at.

    Raises:
        InputError: records, target or split cannot be had as configured.
    """
    records, split = _records_and_split(config, opening)
    defences = made_defences(config.target.defences)
    _check_defences(config, defences, records, split)
    target = open_target(config.target, records.truth, config.seed, defences)
    generator = isinstance(records.truth, ImageTruth)
    if generator and config.learned:
        raise InputError(
            "signals are learned on predicted label maps, but the truth of these records is an "
            "image: leave learned out"
        )
    shadow = None
    if config.shadow is not None:
        shadow = config.shadow.recipe or config.target.recipe
    if config.canaries is not None:
        ids = split.roles["canaries"]
        records = with_canaries(records, ids, config.canaries.kind, seed=config.seed)
    poisoning = None
    if config.poison is not None:
        poisoning = made_poison(config.poison)
        records, split, poisoning = poisoned(records, split, poisoning, seed=config.seed)
    return Plan(
        title=config.title,
        seed=config.seed,
        records=records,
        split=split,
        target=target,
        shadow=shadow,
        defences=defences,
        attacker=config.attacker,
        signals=usual_signals(target, config.target.samples)
        if config.signals is None
        else config.signals,
        learned=() if generator else config.learned_configs(),
        difficulties=usual_difficulties(records.truth)
        if config.difficulties is None
        else config.difficulty_configs() or (),
        samples=config.target.samples,
        references=_references(config, records, split),
        attacks=config.attack_configs(),
        canaries=config.canaries,
        poisoning=poisoning,
        signals_chosen=config.signals is not None,
        evaluation=config.evaluation,
        exhibits=config.exhibits,
        batch_size=config.batch_size,
        workers=config.workers,
        runner=config.runner,
        arguments=config.model_dump(mode="json", exclude_none=True),
    )


def usual_signals(target: GivenTarget | TrainedTarget, samples: int = 1) -> tuple[str, ...]:
    """What is attacked by threshold unless something else is asked for."""
    if not target.access.of_images:
        return DEFAULT_LABEL_SIGNALS if target.access is Access.LABEL else DEFAULT_SIGNALS
    more = ("discriminator",) if target.access is Access.DISCRIMINATOR else ()
    return (
        *DEFAULT_IMAGE_SIGNALS,
        *more,
        *(("best-of-n", "monte-carlo-share") if samples > 1 else ()),
    )


def usual_difficulties(truth: Truth) -> tuple[DifficultyConfig, ...]:
    """What is measured on the records alone unless something else is asked for."""
    names = DEFAULT_DIFFICULTIES if isinstance(truth, ImageTruth) else ()
    return tuple(DifficultyConfig(name=name) for name in names)


def _references(config: AuditConfig, records: Records, split: Split) -> References | None:
    wanted = config.references
    if wanted is None:
        return None
    recipe = wanted.recipe or config.target.recipe
    assert recipe is not None
    return pool(
        recipe,
        records,
        split,
        models=wanted.models,
        trained_on=wanted.records,
        leave_one_out=wanted.leave_one_out,
        seed=config.seed,
    )


def pool(
    method: TrainingMethod,
    records: Records,
    split: Split,
    *,
    models: int,
    trained_on: Literal["audited", "own"] = "audited",
    leave_one_out: bool = True,
    seed: int,
) -> References:
    """Draw who is trained on what.

    Raises:
        InputError: there are too few records, or the number of models cannot be had.
    """
    sides = ("target", "bystander") if trained_on == "audited" else ("shadow",)
    ids = [
        key
        for side in sides
        for end in ("members", "nonmembers")
        for key in split.roles.get(f"{side}-{end}", ())
    ]
    units = split.units(records)
    return References(
        method=method,
        membership=draw_membership(ids, units, models, seed=seed),
        records=trained_on,
        unit=split.unit,
        leave_one_out=leave_one_out,
    )


def _records_and_split(config: AuditConfig, opening: Opening) -> tuple[Records, Split]:
    if config.records is not None:
        records = opening(config.records)
        return records, _split(config.split, records, config)
    assert config.members is not None
    assert config.nonmembers is not None
    sets = {
        "target-members": opening(config.members),
        "target-nonmembers": opening(config.nonmembers),
    }
    if config.shadow_records is not None:
        sets["shadow"] = opening(config.shadow_records)
    if config.population is not None:
        sets["population"] = opening(config.population)
    return gather(sets, seed=config.seed)


def _split(split: SplitConfig, records: Records, config: AuditConfig) -> Split:
    if split.kind == "file":
        assert split.path is not None
        return read_split(split.path, records)
    shadow = config.shadow is not None
    counts = split.counts(shadow, 0 if config.canaries is None else config.canaries.count)
    if split.kind == "blocks":
        drawn = block_split(records, counts, seed=config.seed, block=split.block, gap=split.gap)
    else:
        drawn = random_split(records, counts, seed=config.seed, unit=split.unit)
    return drawn if shadow else _without_shadow(drawn)


def _without_shadow(split: Split) -> Split:
    """The shadow's records go to the target when there is no shadow."""
    roles = {
        f"target-{side}": split.roles[f"target-{side}"] + split.roles.get(f"shadow-{side}", ())
        for side in ("members", "nonmembers")
    }
    kept = {role: split.roles[role] for role in ("population", "canaries", "reserve")}
    return replace(split, roles=roles | kept)


def made_defences(wanted: Sequence[DefenceConfig]) -> tuple[Defence, ...]:
    """Defences from their names and options.

    Raises:
        InputError: one is unknown, or an option is, or an option's value cannot be used.
    """
    from pixleak.defences import DEFENCES

    return tuple(
        made("defence", config.name, DEFENCES[config.name], config.options) for config in wanted
    )


def made_poison(config: PoisonConfig) -> Poisoning:
    """A poison from its name and options.

    Raises:
        InputError: it is unknown, or an option is, or an option's value cannot be used.
    """
    from pixleak.poisoning import POISONS

    poison = made("poison", config.name, POISONS[config.name], config.options)
    return Poisoning(poison, config.shadows)


def _check_defences(
    config: AuditConfig, defences: Sequence[Defence], records: Records, split: Split
) -> None:
    recipe = config.target.recipe
    if recipe is None:
        others = (config.references, config.shadow)
        recipe = next((o.recipe for o in others if o is not None and o.recipe is not None), None)
    reserve = any(split.roles[role] for role in ("reserve", "shadow-reserve"))
    check_defences(defences, recipe, records.truth, reserve=reserve)


def open_target(
    target: TargetConfig, truth: Truth, seed: int, defences: Sequence[Defence] = ()
) -> GivenTarget | TrainedTarget:
    """What a configuration describes as the target.

    Args:
        target: the configuration.
        truth: of the records.
        seed: of the untrained twin.
        defences: those of a target that exists already are put around it here.

    Raises:
        InputError: it cannot be had, or its access does not go with the truth.
    """
    access = access_for(truth, target.access)
    if (method := target.recipe) is not None:
        if access is Access.DISCRIMINATOR and not method.has_discriminator:
            raise InputError(
                f"{setting('target.access')} is discriminator, but the training has no "
                f"adversary: {method.description}"
            )
        method.check(truth)
        for defence in defences:
            access = defence.access_after(access)
        return TrainedTarget(method, access, target.device)
    given = target.model_dump(exclude_none=True, include=GIVEN_KEYS, exclude_defaults=True)
    opened = target_kind_from(given).open(truth, access, device=target.device)
    return defended(GivenTarget.of(opened, seed, target.device), defences)


def defended(given: GivenTarget, defences: Sequence[Defence]) -> GivenTarget:
    """A target that exists already, and its untrained twin, behind the defences of answers."""
    for defence in defences:
        twin = None if given.untrained is None else defence.wrap_target(given.untrained)
        given = replace(given, target=defence.wrap_target(given.target), untrained=twin)
    return given
