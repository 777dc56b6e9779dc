"""Attacks on the target, on the untrained model, and on every model of the pool in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pixleak.attacks.evidence import Population
from pixleak.core.errors import UnmetNeedError
from pixleak.core.progress import Progress
from pixleak.core.tables import Bools, Floats, ReferenceTable, Scores, SignalTable
from pixleak.pipeline.measuring import Measured
from pixleak.pipeline.plan.choosing import Chosen, PlannedAttack
from pixleak.pipeline.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Observed:
    """What an attacker has of one victim.

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
    """One attack's scores, and the same attack's on the untrained model."""

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
        """All of them as one long list of scores, with its membership."""
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
    """The scores of one attack, under the name of what it looked at.

    Raises:
        UnmetNeedError: there are too few references for some record.
    """
    observed = seen.table.select(signals=planned.columns)
    scores = planned.attack.score(observed, seen.reference, seen.population)
    return replace(scores, signal=planned.info.name)


def attack_target(chosen: Chosen, measured: Measured) -> list[Scored]:
    """Every attack on the target, with its control."""
    seen = Observed(
        measured.target,
        measured.reference,
        _population(measured.outer, measured.outer_reference),
    )
    control = None
    if measured.untrained is not None:
        outer = _population(measured.outer_untrained, measured.outer_reference)
        control = Observed(measured.untrained, measured.reference, outer)
    return [
        Scored(one, attack(one, seen), None if control is None else attack(one, control))
        for one in chosen.attacks
    ]


def attack_pool(
    plan: Plan, chosen: Chosen, measured: Measured, progress: Progress
) -> list[Victims]:
    """Every attack on every model of the pool; those that have too few references are left out.

    A victim's complement, which is trained on exactly the other records, is not among its
    references: then each record is in exactly half of them, and how many hold it tells nothing.
    """
    pool = plan.references
    assert pool is not None
    table, outer = measured.reference, measured.outer_reference
    if pool.records == "own":
        # Nobody was trained on the audited records; the pool's own are what can be asked about.
        table, outer = measured.outer_reference, None
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
            except UnmetNeedError:  # the pool is too small for this one
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
