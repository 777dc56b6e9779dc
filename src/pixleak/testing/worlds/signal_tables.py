"""A world of numbers in which the truth about membership, and the right answer, are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pixleak.attacks.evidence import Population
from pixleak.core.tables import Bools, ReferenceTable, SignalInfo, SignalTable


@dataclass(frozen=True, eq=False)
class GaussianWorld:
    """What an attacker has, and the truth about membership.

    Args:
        observed: the target's signals.
        reference: reference models' signals on the same records, and their membership.
        population: records that no model was trained on.
        member: (n,) whether the target was trained on each record.
        auc: of the threshold attack over any one signal.
    """

    observed: SignalTable
    reference: ReferenceTable
    population: Population
    member: Bools
    auc: float


def gaussian_world(
    distance: float,
    *,
    records: int = 400,
    references: int = 15,
    signals: int = 1,
    difficulty: float = 0.0,
    seed: int = 0,
) -> GaussianWorld:
    """Every signal is normal, and a record's membership of a model shifts it.

    Oriented so that higher = member, signal k of model i on record j is::

        distance * member_ij + difficulty * difficulty_jk + noise_ijk

    so the AUC of a threshold is ``Phi(distance / sqrt(2 (1 + difficulty^2)))``. Even signals
    have members higher, odd ones lower. Each record is in exactly half of all models, the target
    among them, so an attack that uses how many references hold a record is exposed in a world of
    distance 0.

    Args:
        distance: between members and non-members in units of the noise; 0 is no leak.
        records: n, half of them members of the target.
        references: m, odd.
        signals: s.
        difficulty: spread between records that all models share.
        seed: of everything.

    Raises:
        ValueError: ``references`` is even or ``records`` odd.

    Example:
        >>> world = gaussian_world(2.0)
        >>> world.observed.values.shape, world.reference.values.shape, round(world.auc, 3)
        ((400, 1), (15, 400, 1), 0.921)
    """
    if references % 2 == 0 or records % 2:
        raise ValueError("a balanced world needs an odd number of references and even records")
    generator = np.random.default_rng(seed)
    models = references + 1
    half = np.arange(models) < models // 2
    # Pairs of records with complementary rows keep every model at exactly half of the records.
    first = generator.permuted(np.tile(half, (records // 2, 1)), axis=1)
    rows = generator.permutation(records)
    member: Bools = np.empty((models, records), dtype=bool)
    member[:, rows] = np.concatenate([first, ~first]).T
    nobody: Bools = np.zeros((models, records), dtype=bool)
    infos = tuple(
        SignalInfo(name=f"signal-{k}", unit="1", members_are="lower" if k % 2 else "higher")
        for k in range(signals)
    )
    inside = _tables("r", member, infos, distance, difficulty, generator)
    outside = _tables("z", nobody, infos, distance, difficulty, generator)
    return GaussianWorld(
        observed=inside[0],
        reference=inside[1],
        population=Population(*outside),
        member=member[0],
        auc=NormalDist().cdf(distance / math.sqrt(2 * (1 + difficulty**2))),
    )


def _tables(
    prefix: str,
    member: Bools,
    infos: tuple[SignalInfo, ...],
    distance: float,
    difficulty: float,
    generator: np.random.Generator,
) -> tuple[SignalTable, ReferenceTable]:
    models, records = member.shape
    shape = (models, records, len(infos))
    values = distance * member[:, :, None] + generator.normal(size=shape)
    values += difficulty * generator.normal(size=shape[1:])
    values *= np.array([info.sign for info in infos])
    ids = tuple(f"{prefix}{j}" for j in range(records))
    every: Bools = np.ones(shape, dtype=bool)
    observed = SignalTable(ids, values[0], infos, every[0])
    names = tuple(f"model-{i}" for i in range(1, models))
    return observed, ReferenceTable(ids, names, values[1:], infos, every[1:], member[1:])
