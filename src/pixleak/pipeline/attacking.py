"""Attacks on the target, on the untrained model, and on every model of the pool in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pixleak.attacks.evidence import Population
from pixleak.core.errors import UnmetNeedError
from pixleak.core.progress import Progress
from pixleak.core.tables import Bools, Floats, ReferenceTable, Scores, SignalTable
from pixleak.pipeline.measuring.measured import Measured, PartName
from pixleak.pipeline.plan.choosing import Chosen, PlannedAttack
from pixleak.pipeline.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Observed:
    """What an attacker knows of one victim.

    Args:
        table: the victim's signals on the records in question.
        reference: those of the reference models.
        population: of records that the victim was not trained on.
    """

    table: SignalTable
    reference: ReferenceTable | None = None
    population: Population | None = None


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one attack, on the target and on the untrained model."""

    planned: PlannedAttack
    scores: Scores
    control: Scores | None


@dataclass(frozen=True, eq=False)
class Victims:
    """Scores of one attack on every model of the pool.

    Args:
        planned: the attack.
        ids: (n,) record ids.
        scores: (m, n), meaningless where not ``measured``.
        measured: (m, n) bool.
        member: (m, n) bool.
    """

    planned: PlannedAttack
    ids: tuple[str, ...]
    scores: Floats
    measured: Bools
    member: Bools

    def together(self) -> tuple[Scores, Bools]:
        """The scores of all victims in one list, with their membership."""
        ids = tuple(f"{m}/{key}" for m in range(len(self.scores)) for key in self.ids)
        scores = Scores(
            ids,
            self.scores.ravel(),
            self.measured.ravel(),
            self.planned.attack.name,
            self.planned.info.name,
        )
        return scores, self.member.ravel()


def attack(planned: PlannedAttack, seen: Observed) -> Scores:
    """The scores of one attack, named by the signal that it looked at.

    Raises:
        UnmetNeedError: there are too few references for some record.
    """
    observed = seen.table.select(signals=planned.columns)
    scores = planned.attack.score(observed, seen.reference, seen.population)
    return replace(scores, signal=planned.info.name)


def attack_target(chosen: Chosen, measured: Measured) -> list[Scored]:
    """Every attack on the target, with its control."""
    audited, outer = measured[PartName.AUDITED], measured[PartName.OUTER]
    seen = Observed(measured.target, audited.reference, _population(outer.target, outer.reference))
    control = None
    if audited.untrained is not None:
        population = _population(outer.untrained, outer.reference)
        control = Observed(audited.untrained, audited.reference, population)
    return [
        Scored(
            planned, attack(planned, seen), None if control is None else attack(planned, control)
        )
        for planned in chosen.attacks
    ]


def attack_pool(
    plan: Plan, chosen: Chosen, measured: Measured, progress: Progress
) -> list[Victims]:
    """Every attack on every model of the pool; those that have too few references are left out.

    A victim's complement, which is trained on exactly the other records, is not among its
    references: then each record is in exactly half of them, and how many hold it tells nothing.
    Without a pool, or without ``leave_one_out``, there are no victims.
    """
    pool = plan.references
    if pool is None or not pool.leave_one_out:
        return []
    table, outer = measured[PartName.AUDITED].reference, measured[PartName.OUTER].reference
    if pool.records == "own":
        # No reference was trained on audited records, so the pool's own records are used.
        table, outer = outer, None
    if table is None:
        return []
    models = range(len(table.models))
    answers: dict[int, list[Scores]] = {i: [] for i in range(len(chosen.attacks))}
    for victim in models:
        others = [i for i in models if i not in (victim, pool.membership.complement(victim))]
        seen = Observed(
            _one(table, victim),
            _some(table, others),
            None if outer is None else _population(_one(outer, victim), _some(outer, others)),
        )
        for i in tuple(answers):
            try:
                answers[i].append(attack(chosen.attacks[i], seen))
            except UnmetNeedError:  # the pool is too small for this attack
                del answers[i]
        progress.update("leaving one out", victim + 1, len(models))
    return [
        Victims(
            planned=chosen.attacks[i],
            ids=table.ids,
            scores=np.stack([scores.values for scores in found]),
            measured=np.stack([scores.measured for scores in found]),
            member=table.member,
        )
        for i, found in answers.items()
    ]


def _population(
    observed: SignalTable | None, reference: ReferenceTable | None
) -> Population | None:
    return None if observed is None else Population(observed, reference)


def _one(table: ReferenceTable, model: int) -> SignalTable:
    return SignalTable(table.ids, table.values[model], table.infos, table.measured[model])


def _some(table: ReferenceTable, models: Sequence[int]) -> ReferenceTable | None:
    if not models:
        return None
    rows = list(models)
    return ReferenceTable(
        table.ids,
        tuple(table.models[i] for i in rows),
        table.values[rows],
        table.infos,
        table.measured[rows],
        table.member[rows],
    )
