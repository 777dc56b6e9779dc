"""Checks that an attack keeps its contract.

For authors of attacks, here and elsewhere::

    from pixleak.testing import check_attack

    def test_my_attack():
        check_attack(MyAttack(alpha=0.5))

Passing them is necessary and not sufficient: an attack that averages the wrong models passes them
all. Give it one example worked by hand as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from pixleak.attacks.base import Attack
from pixleak.attacks.evidence import Population
from pixleak.core.errors import UnmetNeedError
from pixleak.core.tables import Floats, ReferenceTable, Scores, SignalInfo, SignalTable
from pixleak.core.truth import Kind
from pixleak.evaluation.statistics.sample import sample_of
from pixleak.evaluation.statistics.significance import auc_p_value, tpr_p_value
from pixleak.testing.common import assert_kebab_case, assert_value_object
from pixleak.testing.worlds.signal_tables import GaussianWorld, gaussian_world

_Table = TypeVar("_Table", SignalTable, ReferenceTable)

_NEVER = 1e-5
"""A sound attack fails a statistical check less often than this, and the seed is fixed."""


def check_attack(attack: Attack, *, seed: int = 0) -> None:
    """Run every contract check that applies to the attack.

    Args:
        attack: with the parameters to check it at.
        seed: of the worlds.

    Raises:
        AssertionError: with the check that failed, and how.
    """
    checks: tuple[Callable[[Attack, int], None], ...] = (
        check_description,
        check_value_object,
        check_null_world,
        check_planted_leak,
        check_joined_by_id,
        check_sign,
        check_inputs_untouched,
        check_not_measured,
        check_subset,
        check_needs,
        check_arrays,
    )
    for check in checks:
        check(attack, seed)


def check_description(attack: Attack, seed: int = 0) -> None:
    """It says what it is called, where it comes from, and what it is usually used on."""
    assert_kebab_case(attack.name)
    for field in ("title", "summary", "source"):
        assert getattr(attack, field).strip(), f"{attack.name}: {field} is empty"
    assert attack.rank is None or isinstance(attack.rank, int), f"{attack.name}: rank is no number"
    for kind in get_args(Kind):
        for signals in attack.usual_signals(kind, ("difficulty-a", "difficulty-b")):
            assert signals, f"{attack.name}: a list of its usual signals is empty"
            for name in signals:
                assert_kebab_case(name)


def check_value_object(attack: Attack, seed: int = 0) -> None:
    """It is a frozen dataclass of its parameters: equal, hashable, and survives pickling."""
    assert_value_object(attack)


def check_null_world(attack: Attack, seed: int = 0) -> None:
    """Where nothing leaks, members are ranked like non-members, at every end of the ROC."""
    world = _world(attack, 0.0, seed)
    values = _score(attack, world).values
    forwards, backwards = sample_of(values, world.member), sample_of(values, ~world.member)
    for sample, word in ((forwards, "above"), (backwards, "below")):
        p = min(auc_p_value(sample), tpr_p_value(sample, 0.1), tpr_p_value(sample, 0.01))
        assert p > _NEVER, (
            f"{attack.name}: in a world without a leak it ranks members {word} non-members "
            f"(p = {p:.1g}); does it use how many references hold a record?"
        )


def check_planted_leak(attack: Attack, seed: int = 0) -> None:
    """It detects members that stand out by two standard deviations."""
    world = _world(attack, 2.0, seed)
    p = auc_p_value(sample_of(_score(attack, world).values, world.member))
    assert p < _NEVER, f"{attack.name}: it does not find a planted leak (p = {p:.2g})"


def check_joined_by_id(attack: Attack, seed: int = 0) -> None:
    """The order of records, references and signals does not matter."""
    world = _world(attack, 1.0, seed)
    generator = np.random.default_rng(seed)
    n, s = world.observed.values.shape
    rows, others = generator.permutation(n), generator.permutation(n)
    models = generator.permutation(len(world.reference.models))
    columns = generator.permutation(s)
    shuffled = replace(
        world,
        observed=world.observed.select(ids=[world.observed.ids[i] for i in rows]),
        reference=_reordered(world.reference, models, others, columns),
    )
    _assert_same(attack, _score(attack, world), _score(attack, shuffled), "reordering its inputs")


def check_sign(attack: Attack, seed: int = 0) -> None:
    """Measuring the negative of a signal, and declaring it so, changes nothing."""
    world = _world(attack, 1.0, seed)
    population = world.population
    assert population.reference is not None
    flipped = replace(
        world,
        observed=_negated(world.observed),
        reference=_negated(world.reference),
        population=Population(_negated(population.observed), _negated(population.reference)),
    )
    _assert_same(attack, _score(attack, world), _score(attack, flipped), "negating its signals")


def check_inputs_untouched(attack: Attack, seed: int = 0) -> None:
    """It does not change its inputs, and it returns the same when called again."""
    world = _world(attack, 1.0, seed)
    before = (world.observed.values.copy(), world.reference.values.copy())
    first, second = _score(attack, world), _score(attack, world)
    _assert_same(attack, first, second, "asking again")
    after = (world.observed.values, world.reference.values)
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old, new), f"{attack.name}: it changed the tables it was given"


def check_not_measured(attack: Attack, seed: int = 0) -> None:
    """What was not measured is not scored, and its placeholder value has no influence."""
    world = _world(attack, 1.0, seed)
    measured = world.observed.measured.copy()
    measured[::7] = False
    answers = []
    for filler in (0.0, 1e9, np.nan):
        values = np.where(measured, world.observed.values, filler)
        table = replace(world.observed, values=values, measured=measured.copy())
        answers.append(_score(attack, replace(world, observed=table)))
    expected = measured.any(axis=1)
    for answer in answers:
        assert np.array_equal(answer.measured, expected), (
            f"{attack.name}: records without a measurement must come back as not measured"
        )
        _assert_same(attack, answers[0], answer, "changing values that were not measured")


def check_subset(attack: Attack, seed: int = 0) -> None:
    """If it is ``recordwise``, a record's score does not depend on the other records."""
    if not attack.recordwise:
        return
    world = _world(attack, 1.0, seed)
    whole = _score(attack, world)
    rows = np.arange(0, len(whole.ids), 3)
    every, columns = np.arange(len(world.reference.models)), np.arange(len(world.observed.infos))
    part = replace(
        world,
        observed=world.observed.select(ids=[world.observed.ids[i] for i in rows]),
        reference=_reordered(world.reference, every, rows, columns),
    )
    _assert_same(attack, _score(attack, part), whole, "leaving records out")


def check_needs(attack: Attack, seed: int = 0) -> None:
    """It refuses to work with less than its declared needs."""
    world = _world(attack, 1.0, seed)
    needs = max(attack.min_references, attack.min_inside, attack.min_outside)
    if not needs and not attack.needs_population:
        return
    try:
        attack.score(world.observed)
    except UnmetNeedError:
        return
    raise AssertionError(f"{attack.name}: it scored without the references or population it needs")


def check_arrays(attack: Attack, seed: int = 0) -> None:
    """From plain arrays it returns the scores that it returns from tables."""
    world = _world(attack, 1.0, seed)
    known = world.population.reference
    assert known is not None
    arrays = attack.score_arrays(
        world.observed.values,
        world.reference.values,
        world.reference.member,
        members_are=[info.members_are for info in world.observed.infos],
        population=world.population.observed.values,
        population_reference=known.values,
        population_member=known.member,
    )
    same = np.array_equal(arrays, _score(attack, world).values)
    assert same, f"{attack.name}: arrays are scored otherwise than tables"


def _world(attack: Attack, distance: float, seed: int) -> GaussianWorld:
    references = max(15, attack.min_references | 1)
    signals = 1 if attack.signals == "one" else 3
    return gaussian_world(distance, references=references, signals=signals, seed=seed)


def _score(attack: Attack, world: GaussianWorld) -> Scores:
    return attack.score(world.observed, world.reference, world.population)


def _assert_same(attack: Attack, one: Scores, other: Scores, deed: str) -> None:
    where = {key: i for i, key in enumerate(other.ids)}
    rows = [where[key] for key in one.ids if key in where]
    mine = [i for i, key in enumerate(one.ids) if key in where]
    kept = one.measured[mine] & other.measured[rows]
    a, b = one.values[mine][kept], other.values[rows][kept]
    assert np.allclose(a, b, rtol=1e-6, atol=1e-9), f"{attack.name}: {deed} changes its scores"


def _reordered(
    table: ReferenceTable,
    models: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> ReferenceTable:
    picked = np.ix_(models, rows, columns)
    return ReferenceTable(
        ids=tuple(table.ids[i] for i in rows),
        models=tuple(table.models[i] for i in models),
        values=table.values[picked],
        infos=tuple(table.infos[i] for i in columns),
        measured=table.measured[picked],
        member=table.member[np.ix_(models, rows)],
    )


def _negated(table: _Table) -> _Table:
    values: Floats = -table.values
    return replace(table, values=values, infos=tuple(_turned(info) for info in table.infos))


def _turned(info: SignalInfo) -> SignalInfo:
    end: Literal["lower", "higher"] = "higher" if info.members_are == "lower" else "lower"
    return replace(info, members_are=end)
