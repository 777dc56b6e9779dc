"""From a configuration to a plan: open the records, split them, load what is attacked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pixleak.auditing.config import AuditConfig, SplitConfig, TargetConfig
from pixleak.auditing.gather import gather
from pixleak.auditing.plan import GivenTarget, Plan, References, TrainedTarget
from pixleak.records.canaries import with_canaries
from pixleak.records.membership import draw_membership
from pixleak.records.splits import Split, block_split, random_split, read_split
from pixleak.types import Access, Truth

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.base import Records
    from pixleak.training.recipe import Recipe


def assemble(config: AuditConfig) -> Plan:
    """Everything that a configuration asks for, opened and checked.

    Raises:
        InputError: records, target or split cannot be had as configured.
    """
    records, split = _records_and_split(config)
    target = _target(config.target, records.truth, config.seed)
    shadow = None
    if config.shadow is not None:
        shadow = config.shadow.recipe or config.target.recipe
    if config.canaries is not None:
        ids = split.roles["canaries"]
        records = with_canaries(records, ids, config.canaries.kind, seed=config.seed)
    return Plan(
        title=config.title,
        seed=config.seed,
        records=records,
        split=split,
        target=target,
        shadow=shadow,
        signals=config.signals,
        learned=config.learned_configs(),
        references=_references(config, records, split),
        attacks=config.attack_configs(),
        canaries=config.canaries,
        signals_chosen="signals" in config.model_fields_set,
        evaluation=config.evaluation,
        exhibits=config.exhibits,
        batch_size=config.batch_size,
        workers=config.workers,
        runner=config.runner,
        arguments=config.model_dump(mode="json", exclude_none=True),
    )


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
    side = "target" if trained_on == "audited" else "shadow"
    ids = [key for end in ("members", "nonmembers") for key in split.roles[f"{side}-{end}"]]
    units = split.units(records)
    return References(
        recipe=recipe,
        membership=draw_membership(ids, units, models, seed=seed),
        records=trained_on,
        unit=split.unit,
        leave_one_out=leave_one_out,
    )


def _records_and_split(config: AuditConfig) -> tuple[Records, Split]:
    if config.records is not None:
        records = config.records.open()
        return records, _split(config.split, records, config)
    assert config.members is not None
    assert config.nonmembers is not None
    sets = {
        "target-members": config.members.open(),
        "target-nonmembers": config.nonmembers.open(),
    }
    if config.shadow_records is not None:
        sets["shadow"] = config.shadow_records.open()
    if config.population is not None:
        sets["population"] = config.population.open()
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
    kept = {role: split.roles[role] for role in ("population", "canaries")}
    return replace(split, roles=roles | kept)


def _target(target: TargetConfig, truth: Truth, seed: int) -> GivenTarget | TrainedTarget:
    from pixleak.targets.load import load_function, load_module

    if target.recipe is not None:
        return TrainedTarget(target.recipe, target.access, target.device)
    if target.module is not None:
        module = load_module(
            target.module, checkpoint=target.checkpoint, allow_pickle=target.allow_pickle
        )
        return given_module(module, truth, target.access, seed=seed, device=target.device)
    assert target.function is not None
    return given_function(load_function(target.function), truth, target.access)


def given_module(
    module: nn.Module, truth: Truth, access: Access, *, seed: int, device: str = "cpu"
) -> GivenTarget:
    """A torch module as target, with its untrained twin where it can be re-initialised."""
    from pixleak.targets.module import ModuleTarget, check_device
    from pixleak.training.untrained import reinitialised

    check_device(device)
    fresh = reinitialised(module, seed)
    if fresh is None:
        twin = None
        note = (
            "the module has parameters that no reset_parameters() sets, so an untrained twin "
            "cannot be made"
        )
    else:
        name = "untrained twin of the target"
        twin, note = ModuleTarget(fresh, truth, access, name=name, device=device), ""
    return GivenTarget(ModuleTarget(module, truth, access, device=device), twin, note, device)


def given_function(function: Callable[..., object], truth: Truth, access: Access) -> GivenTarget:
    """A function from images to predictions as target."""
    from pixleak.targets.function import FunctionTarget

    note = "a function has no weights to take away"
    return GivenTarget(FunctionTarget(function, truth, access), None, note)
