from __future__ import annotations

import numpy as np
import pytest

from attack_tables import observed, references
from pixleak.attacks.calibrated.stratified_lira import StratifiedLira
from pixleak.core.errors import InputError
from pixleak.evaluation.statistics.roc import roc_of


def test_one_stratum_by_hand() -> None:
    """With one stratum the direction is one standard deviation, up to what centring took."""
    # Out of record 0: 1, 3 (mean 2); of record 1: 4, 8 (mean 6). Deviations -1, 1, -2, 2, each
    # times sqrt(2 / 1): their mean square is (2 + 2 + 8 + 8) / 4 = 5.
    pool = references([[1.0, 4.0], [3.0, 8.0]], np.zeros((2, 2)))
    found = StratifiedLira().score(observed([4.0, 6.0]), pool)
    np.testing.assert_allclose(found.values, [2 / np.sqrt(5) / np.sqrt(1.5), 0.0], atol=1e-12)


def test_direction_is_that_of_the_gain_seen_through_the_covariance() -> None:
    """Two strata, of which only the second gains from membership, and which move together."""
    generator = np.random.default_rng(0)
    m, n = 40, 50
    member = np.zeros((m, n), dtype=bool)
    member[::2] = generator.random((m // 2, n)) < 0.5
    member[1::2] = ~member[::2]
    covariance = np.array([[1.0, 0.8], [0.8, 1.0]])
    noise = generator.multivariate_normal([0, 0], covariance, (m, n))
    pool = references(noise + member[:, :, None] * [0.0, 1.0], member)
    found = StratifiedLira(shrinkage=0.0).score(observed([[1.0, 0.0], [0.0, 1.0]] * 25), pool)
    direction = np.linalg.solve(covariance, [0.0, 1.0])
    expected = direction / np.sqrt(direction @ [0.0, 1.0]) / np.sqrt(1 + 1 / (m / 2))
    # Estimated from 1,000 deviations; the residuals are taken from each record's own mean.
    for axis in (0, 1):
        assert found.values[axis::2].mean() == pytest.approx(expected[axis], abs=0.15)
    assert expected[0] < 0 < expected[1]


def test_a_record_without_a_class_is_scored_from_the_others() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(6, 30, 3))
    values[:, ::3, 2] = np.nan
    asked = generator.normal(size=(30, 3))
    asked[::3, 2] = np.nan
    member = np.zeros((6, 30), dtype=bool)
    member[::2] = generator.random((3, 30)) < 0.5
    member[1::2] = ~member[::2]
    found = StratifiedLira().score(observed(asked), references(values, member))
    assert found.measured.all()
    assert np.isfinite(found.values).all()


def test_it_beats_the_plain_mean_where_noise_is_shared() -> None:
    generator = np.random.default_rng(2)
    m, n = 16, 400
    member = np.zeros((m + 1, n), dtype=bool)
    member[:m:2] = generator.random((m // 2, n)) < 0.5
    member[1:m:2] = ~member[:m:2]
    member[m] = generator.random(n) < 0.5
    shared = generator.normal(size=(m + 1, n, 1))
    values = shared + 0.3 * generator.normal(size=(m + 1, n, 2)) + member[..., None] * [0.0, 0.6]
    found = StratifiedLira().score(observed(values[m]), references(values[:m], member[:m]))
    plain = roc_of(values[m].mean(axis=1), member[m]).auc
    assert roc_of(found.values, member[m]).auc > plain + 0.1


def test_impossible_shrinkage() -> None:
    with pytest.raises(InputError, match="from 0 to 1, got 2"):
        StratifiedLira(shrinkage=2)
