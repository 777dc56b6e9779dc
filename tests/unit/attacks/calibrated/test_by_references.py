"""Difficulty calibration, LiRA, RMIA, quantile regression: by hand, and against plain loops."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from attack_tables import observed, references
from pixleak.attacks.calibrated.difficulty_calibration import DifficultyCalibration
from pixleak.attacks.calibrated.lira import LiraOffline, LiraOnline
from pixleak.attacks.calibrated.quantile_regression import QuantileRegression
from pixleak.attacks.calibrated.rmia import Rmia
from pixleak.attacks.evidence import Population
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.evaluation.statistics.roc import roc_of

# Two records, five references. Record 0 is in the last two, record 1 in the first two.
VALUES = [[1.0, 7.0], [2.0, 8.0], [3.0, 1.0], [9.0, 3.0], [8.0, 5.0]]
MEMBER = [[0, 1], [0, 1], [0, 0], [1, 0], [1, 0]]
# Out of record 0: 1, 2, 3: mean 2, squares 2. Of record 1: 1, 3, 5: mean 3, squares 8.
# In of record 0: 9, 8: mean 8.5, squares .5. Of record 1: 7, 8: mean 7.5, squares .5.


def test_difficulty_calibration_by_hand() -> None:
    scores = DifficultyCalibration().score(observed([5.0, 2.0]), references(VALUES, MEMBER))
    assert scores.values.tolist() == [3.0, -1.0]


def test_lira_offline_by_hand() -> None:
    seen, pool = observed([5.0, 2.0]), references(VALUES, MEMBER)
    own = LiraOffline(variance="own").score(seen, pool)
    # Variances 2/2 and 8/2.
    np.testing.assert_allclose(own.values, [3 / 1, -1 / 2])
    pooled = LiraOffline(variance="pooled").score(seen, pool)
    # (2 + 8) / (2 + 2)
    np.testing.assert_allclose(pooled.values, np.array([3, -1]) / math.sqrt(2.5))
    shrunk = LiraOffline(variance="shrunk", strength=4).score(seen, pool)
    # (2 + 4 * 2.5) / (2 + 4) and (8 + 10) / 6
    np.testing.assert_allclose(shrunk.values, [3 / math.sqrt(2), -1 / math.sqrt(3)])


def test_lira_offline_is_one_sided() -> None:
    """Far below what other models have is no sign of membership."""
    pool = references(VALUES, MEMBER)
    low, middle = (LiraOffline().score(observed([v, 2.0]), pool).values[0] for v in (-50.0, 2.0))
    assert low < middle


def test_lira_online_is_the_ratio_of_two_normal_densities() -> None:
    seen, pool = observed([5.0, 2.0]), references(VALUES, MEMBER)
    found = LiraOnline(variance="own").score(seen, pool).values
    for j, (value, inside, outside) in enumerate(
        [
            (5.0, NormalDist(8.5, math.sqrt(0.5)), NormalDist(2, 1)),
            (2.0, NormalDist(7.5, math.sqrt(0.5)), NormalDist(3, 2)),
        ]
    ):
        ratio = math.log(inside.pdf(value)) - math.log(outside.pdf(value))
        np.testing.assert_allclose(found[j], ratio)


def test_lira_online_pools_each_side_on_its_own() -> None:
    found = LiraOnline(variance="pooled").score(observed([5.0, 2.0]), references(VALUES, MEMBER))
    # In: (.5 + .5) / 2 = .5; out: 2.5.
    inside, outside = NormalDist(8.5, math.sqrt(0.5)), NormalDist(2, math.sqrt(2.5))
    ratio = math.log(inside.pdf(5.0)) - math.log(outside.pdf(5.0))
    np.testing.assert_allclose(found.values[0], ratio)


def test_lira_needs_models_on_both_sides() -> None:
    pool = references(VALUES, np.zeros((5, 2)))
    LiraOffline().score(observed([5.0, 2.0]), pool)
    with pytest.raises(UnmetNeedError, match=r"2 reference models trained on it .* 'r0' has 0"):
        LiraOnline().score(observed([5.0, 2.0]), pool)


def test_rmia_by_hand() -> None:
    # One reference. log P of the record is -1 for the target and -2 out: with a = 1 the ratio is
    # e. The population's ratios are e^.5, e^1, e^2: two of three are not above it.
    population = Population(
        observed([-1.0, -1.0, -1.0]), references([[-1.5, -2.0, -3.0]], [[0, 0, 0]])
    )
    attack = Rmia(a=1.0)
    scores = attack.score(observed([-1.0]), references([[-2.0]], [[0]]), population)
    np.testing.assert_allclose(scores.values, [2 / 3])
    # With a = 0 the denominator is (P_out + 1) / 2.
    expected = math.exp(-1.0) / ((math.exp(-2.0) + 1) / 2)
    ratios = [math.exp(-1.0) / ((math.exp(v) + 1) / 2) for v in (-1.5, -2.0, -3.0)]
    share = sum(expected >= r for r in ratios) / 3
    found = Rmia(a=0.0).score(observed([-1.0]), references([[-2.0]], [[0]]), population)
    np.testing.assert_allclose(found.values, [share])


@pytest.mark.parametrize("gamma", [0.5, 1.0, 1.7])
def test_rmia_against_plain_loops(gamma: float) -> None:
    generator = np.random.default_rng(3)
    m, n, z, a = 4, 12, 9, 0.3
    target, of_z = -generator.exponential(size=n), -generator.exponential(size=z)
    pool, pool_z = -generator.exponential(size=(m, n)), -generator.exponential(size=(m, z))
    member = generator.random((m, n)) < 0.5
    member[0] = False
    nobody = np.zeros((m, z), dtype=bool)
    attack = Rmia(a=a, gamma=gamma)
    found = attack.score(
        observed(target),
        references(pool, member),
        Population(observed(of_z), references(pool_z, nobody)),
    ).values

    def ratio(value: float, others: np.ndarray, held: np.ndarray) -> float:
        outside = [math.exp(o) for o, h in zip(others, held, strict=True) if not h]
        return math.exp(value) / (((1 + a) * sum(outside) / len(outside) + (1 - a)) / 2)

    for j in range(n):
        mine = ratio(target[j], pool[:, j], member[:, j])
        beaten = [mine / ratio(of_z[i], pool_z[:, i], nobody[:, i]) >= gamma for i in range(z)]
        np.testing.assert_allclose(found[j], np.mean(beaten))


def test_rmia_without_an_outsider_for_the_population() -> None:
    everybody = Population(observed([-1.0]), references([[-1.0]], [[1]]))
    with pytest.raises(InputError, match="held by every reference"):
        Rmia().score(observed([-1.0]), references([[-2.0]], [[0]]), everybody)


def test_gaussian_quantile_regression_by_hand() -> None:
    # Without covariates: the population's mean 1 and standard deviation 1 (n - 1).
    values = [0.0, 2.0] * 5 + [1.0]
    spread = math.sqrt(10 / 10)
    found = QuantileRegression(head="gaussian").score(
        observed([3.0, 1.0]), None, Population(observed(values))
    )
    np.testing.assert_allclose(found.values, [2 / spread, 0.0])


def test_quantile_regression_takes_out_what_a_covariate_explains() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=1500)
    noise = generator.normal(size=1500)
    population = Population(observed(np.stack([3 * x + noise, x], axis=1)))
    asked = observed([[3.0, 1.0], [3.0, 0.0]])
    for head in ("gaussian", "pinball", "auto"):
        scores = QuantileRegression(head=head).score(asked, None, population).values  # type: ignore[arg-type]
        # As expected at x = 1, and three standard deviations above at x = 0.
        assert scores[1] - scores[0] == pytest.approx(3, abs=0.2)
    # A quantile of .95 lies 1.64 standard deviations above the mean.
    pinball = QuantileRegression(head="pinball").score(asked, None, population).values
    assert pinball[0] == pytest.approx(-1.645, abs=0.2)


def test_a_small_population_is_refused() -> None:
    with pytest.raises(InputError, match="at least 10 records with the signal, got 3"):
        QuantileRegression().score(observed([1.0]), None, Population(observed([1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (LiraOffline, {"variance": "fixed"}),
        (LiraOnline, {"strength": 0.0}),
        (Rmia, {"a": 2.0}),
        (Rmia, {"gamma": 0.0}),
        (QuantileRegression, {"head": "linear"}),
        (QuantileRegression, {"alpha": 1.0}),
    ],
)
def test_impossible_parameters(kind: type, options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        kind(**options)


@pytest.mark.parametrize("models", [5, 7, 15])
def test_lira_online_cannot_be_told_from_the_number_of_references(models: int) -> None:
    # Each record is in half of all models, the target among them: a score that shows how many
    # references hold a record gives the target's own membership away.
    rng = np.random.default_rng(models)
    n, both = 4000, models + 1
    order = rng.random((both, n)).argsort(axis=0)
    held = order < both // 2
    values = rng.normal(size=(both, n))
    scores = LiraOnline().score_arrays(values[0], values[1:], held[1:], members_are="higher")
    area = roc_of(scores, held[0]).auc
    assert abs(area - 0.5) < 4 * np.sqrt(1 / (12 * n / 2) * 2)
