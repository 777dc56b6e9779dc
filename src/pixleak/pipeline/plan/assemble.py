"""From a configuration to a plan: open the records, split them, load what is attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pixleak.attacks import AttackChoice
from pixleak.core.access import Access, access_for
from pixleak.core.errors import InputError
from pixleak.core.registry import Registry, made
from pixleak.core.truth import ImageTruth, Truth
from pixleak.pipeline.plan.plan import GivenTarget, Plan, References, TrainedTarget
from pixleak.pipeline.plan.poisoned import Poisoning, poisoned
from pixleak.records.canaries import with_canaries
from pixleak.records.combine import gather
from pixleak.records.splitting.membership import draw_membership
from pixleak.records.splitting.random import Split, block_split, random_split, read_split
from pixleak.request.audit import (
    AttackConfig,
    AuditConfig,
    DefenceConfig,
    MethodConfig,
    PoisonConfig,
    SplitConfig,
    TargetConfig,
)
from pixleak.signals import SIGNALS
from pixleak.signals.difficulty import DIFFICULTIES
from pixleak.signals.learned import LEARNED
from pixleak.targets.asking import asked
from pixleak.training.defence import check_defences

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.base import Records
    from pixleak.request.sources import Source
    from pixleak.targets.base import Target
    from pixleak.training.defence import Defence
    from pixleak.training.recipe import Recipe


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
        signals=_taken(SIGNALS, config.signals),
        learned=() if generator else _taken(LEARNED, config.learned),
        difficulties=_taken(DIFFICULTIES, config.difficulties),
        samples=config.target.samples,
        references=_references(config, records, split),
        attacks=None
        if config.attacks is None
        else tuple(AttackChoice.taken(_plain(one)) for one in config.attacks),
        canaries=config.canaries,
        poisoning=poisoning,
        evaluation=config.evaluation,
        exhibits=config.exhibits,
        batch_size=config.batch_size,
        workers=config.workers,
        runner=config.runner,
        arguments=config.model_dump(mode="json", exclude_none=True),
    )


def _plain(given: str | MethodConfig | AttackConfig) -> object:
    return given if isinstance(given, str) else given.model_dump()


def _taken(table: Registry[Any], given: Sequence[str | MethodConfig] | None) -> Any:
    """The objects that are meant; None, for the usual ones, where nothing was said."""
    return None if given is None else tuple(table.taken(_plain(one)) for one in given)


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
    recipe: Recipe,
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
        recipe=recipe,
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
    if target.recipe is not None:
        if access is Access.DISCRIMINATOR and target.recipe.adversary is None:
            raise InputError(
                "target.access is discriminator, but the recipe has no adversary to train one"
            )
        for defence in defences:
            access = defence.access_after(access)
        return TrainedTarget(target.recipe, access, target.device)
    return defended(_open_given(target, truth, access, seed), defences)


def _open_given(target: TargetConfig, truth: Truth, access: Access, seed: int) -> GivenTarget:
    from pixleak.targets.load import load_function, load_module

    if target.weights is not None:
        return given_weights(target.weights, truth, access, seed=seed, device=target.device)
    if target.module is not None:
        module = load_module(
            target.module, checkpoint=target.checkpoint, allow_pickle=target.allow_pickle
        )
        discriminator = None if target.discriminator is None else load_module(target.discriminator)
        return given_module(
            module,
            truth,
            access,
            seed=seed,
            device=target.device,
            discriminator=discriminator,
        )
    assert target.function is not None
    return given_function(load_function(target.function), truth, access)


def defended(given: GivenTarget, defences: Sequence[Defence]) -> GivenTarget:
    """A target that exists already, and its untrained twin, behind output-side defences."""
    for defence in defences:
        twin = None if given.untrained is None else defence.wrap_target(given.untrained)
        given = replace(given, target=defence.wrap_target(given.target), untrained=twin)
    return given


def given_weights(
    path: Path, truth: Truth, access: Access, *, seed: int, device: str = "cpu"
) -> GivenTarget:
    """A model that pixleak trained, with its discriminator where that lies beside it."""
    from pixleak.training.checkpoint import load_network
    from pixleak.training.jobs import discriminator_path

    discriminator = None
    if access is Access.DISCRIMINATOR and discriminator_path(path).is_file():
        from pixleak.training.discriminators import load_discriminator

        discriminator = load_discriminator(discriminator_path(path))
    return given_module(
        load_network(path), truth, access, seed=seed, device=device, discriminator=discriminator
    )


def given_module(
    module: nn.Module,
    truth: Truth,
    access: Access,
    *,
    seed: int,
    device: str = "cpu",
    discriminator: nn.Module | None = None,
) -> GivenTarget:
    """A torch module as target, with its untrained twin where it can be re-initialised."""
    from pixleak.targets.module import check_device
    from pixleak.training.untrained import reinitialised

    check_device(device)
    fresh = reinitialised(module, seed)
    twin: Target | None = None
    if fresh is None:
        note = (
            "the module has parameters that no reset_parameters() sets, so an untrained twin "
            "cannot be made"
        )
    else:
        name = "untrained twin of the target"
        blank = None if discriminator is None else reinitialised(discriminator, seed)
        if access is Access.DISCRIMINATOR and blank is None:
            note = "an untrained discriminator cannot be made"
        else:
            twin = asked(fresh, truth, access, name=name, device=device, discriminator=blank)
            note = ""
    target = asked(module, truth, access, device=device, discriminator=discriminator)
    return GivenTarget(target, twin, note, device)


def given_function(function: Callable[..., object], truth: Truth, access: Access) -> GivenTarget:
    """A function from images to predictions as target."""
    from pixleak.targets.function import FunctionTarget

    note = "a function has no weights to take away"
    return GivenTarget(FunctionTarget(function, truth, access), None, note)
