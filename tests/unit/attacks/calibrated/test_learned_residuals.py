from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from attack_tables import observed, references
from pixleak.attacks.calibrated.difficulty_calibration import DifficultyCalibration
from pixleak.attacks.calibrated.learned_residuals import LearnedResiduals
from pixleak.attacks.evidence import Population
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.testing.worlds.signal_tables import gaussian_world

K = 8.0


def _pool(m: int, n: int, s: int, seed: int, gain: float = 1.0, difficulty: float = 2.0):  # type: ignore[no-untyped-def]
    """m references in complementary pairs and a victim; higher for members by ``gain``."""
    generator = np.random.default_rng(seed)
    member = np.zeros((m + 1, n), dtype=bool)
    for first in range(0, m, 2):
        member[first, generator.permutation(n)[: n // 2]] = True
        member[first + 1] = ~member[first]
    member[m, generator.permutation(n)[: n // 2]] = True
    values = gain * member[:, :, None] + generator.normal(size=(m + 1, n, s))
    values += difficulty * generator.normal(size=(n, s))
    return values[m], values[:m], member[m], member[:m]


def _side(column: list[float], least: int, pooled: float) -> tuple[float, float]:
    """Mean and shrunk deviation of one record and signal over the models of one side."""
    mean = sum(column) / len(column)
    squares = sum((v - mean) ** 2 for v in column)
    variance = (squares / len(column) * least + K * pooled) / (least - 1 + K)
    return mean, math.sqrt(variance)


def _features(values: np.ndarray, pool: np.ndarray, member: np.ndarray) -> np.ndarray:
    """The formulas of the docstring, by plain loops, for a victim and its references."""
    n, s = values.shape
    table = np.zeros((n, 6 * s))
    for k in range(s):
        sides = {
            held: [
                [pool[i, j, k] for i in range(len(pool)) if member[i, j] == held] for j in range(n)
            ]
            for held in (False, True)
        }
        pooled, least = {}, {}
        for held, columns in sides.items():
            squares = sum(np.var(c) * len(c) for c in columns)
            pooled[held] = squares / max(sum(len(c) - 1 for c in columns), 1)
            least[held] = min(len(c) for c in columns)
        for j in range(n):
            out, spread_out = _side(sides[False][j], least[False], pooled[False])
            inn, spread_in = _side(sides[True][j], least[True], pooled[True])
            r, gain = values[j, k] - out, values[j, k] - inn
            z, z_in = r / spread_out, gain / spread_in
            ratio = z * z / 2 + math.log(spread_out) - z_in * z_in / 2 - math.log(spread_in)
            table[j, k::s] = [r, z, out, gain, z_in, ratio]
    return table


def test_it_is_what_plain_loops_and_a_logistic_regression_say() -> None:
    values, pool, _, member = _pool(m=6, n=20, s=2, seed=0)
    examples, labels = [], []
    for victim in range(6):
        rest = [i for i in range(6) if i not in (victim, victim ^ 1)]  # nor its complement
        examples.append(_features(pool[victim], pool[rest], member[rest]))
        labels.append(member[victim])
    x, y = np.concatenate(examples), np.concatenate(labels)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    model = LogisticRegression(C=0.1, solver="newton-cholesky", max_iter=100)
    model.fit(np.clip((x - centre) / scale, -8, 8), y)
    asked = np.clip((_features(values, pool, member) - centre) / scale, -8, 8)
    found = LearnedResiduals().score(observed(values), references(pool, member))
    np.testing.assert_allclose(found.values, model.decision_function(asked), atol=1e-6)


def test_it_finds_more_than_the_best_single_signal() -> None:
    values, pool, member, held = _pool(m=16, n=400, s=5, seed=1)
    seen, table = observed(values), references(pool, held)
    learned = roc_of(LearnedResiduals().score(seen, table).values, member).auc
    single = max(
        roc_of(DifficultyCalibration().score(seen.select(signals=[name]), table).values, member).auc
        for name in seen.names
    )
    assert learned > single + 0.1


@pytest.mark.parametrize(("models", "signals"), [(7, 3), (7, 20), (15, 3)])
def test_how_many_references_hold_a_record_does_not_show(models: int, signals: int) -> None:
    """A record is in exactly half of all models, the victim among them; nothing else leaks."""
    areas = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        member = generator.permutation(400) < 200
        values = generator.normal(size=(models + 1, 400, signals))
        values += 2 * generator.normal(size=(400, signals))
        held = np.zeros((models, 400), dtype=bool)
        for j in range(400):
            held[generator.permutation(models)[: (models + 1) // 2 - member[j]], j] = True
        found = LearnedResiduals().score(observed(values[0]), references(values[1:], held))
        areas.append(roc_of(found.values, member).auc)
    # The mean of 12 areas of 200 + 200 has a standard deviation of .0083.
    assert abs(np.mean(areas) - 0.5) < 0.03


def test_offline_it_learns_from_records_of_the_attackers_own() -> None:
    values, pool, member, held = _pool(m=8, n=300, s=4, seed=2)
    own, audited = slice(0, 150), slice(150, 300)
    # No reference was trained on an audited record, so they have no gain there.
    pool[:, audited] -= held[:, audited, None]
    nobody = np.zeros((8, 150), dtype=bool)
    population = Population(observed(values[own]), references(pool[:, own], held[:, own]))
    # Nor was the victim trained on the attacker's records.
    scores = LearnedResiduals().score(
        observed(values[audited]), references(pool[:, audited], nobody), population
    )
    assert roc_of(scores.values, member[audited]).auc > 0.85
    with pytest.raises(UnmetNeedError, match="none holds any"):
        LearnedResiduals().score(observed(values[audited]), references(pool[:, audited], nobody))


def test_held_out_it_never_sees_what_it_scores() -> None:
    values, pool, member, held = _pool(m=8, n=300, s=4, seed=3)
    first, second = slice(0, 150), slice(150, 300)
    population = Population(observed(values[second]), references(pool[:, second], held[:, second]))
    asked, table = observed(values[first]), references(pool[:, first], held[:, first])
    scores = LearnedResiduals(held_out=True).score(asked, table, population)
    assert roc_of(scores.values, member[first]).auc > 0.85
    with pytest.raises(UnmetNeedError, match="none holds any"):
        LearnedResiduals(held_out=True).score(asked, table)


def test_signals_that_a_record_lacks_are_left_out_of_its_sum() -> None:
    values, pool, member, held = _pool(m=8, n=200, s=3, seed=4)
    values[::4, 2] = np.nan
    pool[:, ::4, 2] = np.nan
    values[1::4, 0] = np.nan  # not measured of the victim alone
    scores = LearnedResiduals().score(observed(values), references(pool, held))
    assert scores.measured.all()
    assert roc_of(scores.values, member).auc > 0.75


def test_of_many_pairs_some_are_drawn() -> None:
    values, pool, member, held = _pool(m=8, n=400, s=2, seed=5)
    seen, table = observed(values), references(pool, held)
    few, again = (LearnedResiduals(rows=800).score(seen, table).values for _ in range(2))
    other = LearnedResiduals(rows=800, seed=1).score(seen, table).values
    every = LearnedResiduals().score(seen, table).values
    assert (few == again).all()
    assert (few != other).any()
    assert np.corrcoef(few, every)[0, 1] > 0.97
    assert roc_of(few, member).auc > 0.8


def test_impossible_parameters() -> None:
    for options in ({"strength": 0.0}, {"regularisation": 0.0}, {"rows": 10}):
        with pytest.raises(InputError, match="learned-residuals needs"):
            LearnedResiduals(**options)  # type: ignore[arg-type]


def test_a_pool_without_a_spread_is_refused() -> None:
    # One model plays the victim; of the others some side keeps one only, which has no spread.
    world = gaussian_world(1.0, references=5, records=60)
    with pytest.raises(UnmetNeedError, match="at least 6 reference models, got 5"):
        LearnedResiduals().score(world.observed, world.reference)
