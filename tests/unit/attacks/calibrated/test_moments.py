from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixleak.attacks.calibrated import moments as moments_module
from pixleak.attacks.calibrated.moments import check_variance, complement, moments
from pixleak.core.errors import InputError


def _naive(values: np.ndarray, chosen: np.ndarray) -> tuple[list[float], ...]:
    """(count, mean, squares) of one (m,) column."""
    kept = [float(v) for v, c in zip(values, chosen, strict=True) if c]
    if not kept:
        return [0.0], [0.0], [0.0]
    mean = sum(kept) / len(kept)
    return [len(kept)], [mean], [sum((v - mean) ** 2 for v in kept)]


@given(
    m=st.integers(1, 6),
    n=st.integers(1, 9),
    s=st.integers(1, 3),
    chunk=st.sampled_from([1, 7, 400_000]),
    seed=st.integers(0, 99),
)
def test_moments_are_those_of_plain_loops(m: int, n: int, s: int, chunk: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values, chosen = generator.normal(3, 1, (m, n, s)), generator.random((m, n, s)) < 0.6
    values[~chosen] = np.nan
    shared = generator.random((m, n)) < 0.6
    whole = generator.normal(-2, 1, (m, n, s))
    before, moments_module._CHUNK = moments_module._CHUNK, chunk
    try:
        found, of_all = moments(values, chosen), moments(whole, shared)
    finally:
        moments_module._CHUNK = before
    for j in range(n):
        for k in range(s):
            count, mean, squares = _naive(values[:, j, k], chosen[:, j, k])
            assert found.count[j, k] == count[0]
            np.testing.assert_allclose(found.squares[j, k], squares[0], atol=1e-12)
            if count[0]:
                np.testing.assert_allclose(found.mean[j, k], mean[0])
            count, mean, squares = _naive(whole[:, j, k], shared[:, j])
            assert of_all.count[j, 0] == count[0]
            np.testing.assert_allclose(of_all.squares[j, k], squares[0], atol=1e-12)
            if count[0]:
                np.testing.assert_allclose(of_all.mean[j, k], mean[0])


@given(m=st.integers(2, 7), seed=st.integers(0, 99))
def test_taking_a_model_away_is_never_having_had_it(m: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    values, chosen = generator.normal(size=(m, 5)), generator.random((m, 5)) < 0.7
    less = moments(values, chosen).without(values[0], chosen[0])
    rest = moments(values[1:], chosen[1:])
    np.testing.assert_array_equal(less.count, rest.count)
    known = rest.count > 0
    np.testing.assert_allclose(less.mean[known], rest.mean[known])
    np.testing.assert_allclose(less.squares[known], rest.squares[known], atol=1e-9)


def test_variances_by_hand() -> None:
    # Record 0: values 1, 3, 5: mean 3, squares 8, freedom 2. Record 1: 0, 4: mean 2, squares 8, 1.
    values = np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 9.0]])
    chosen = np.array([[True, True], [True, True], [True, False]])
    found = moments(values, chosen)
    assert found.pooled == 16 / 3
    np.testing.assert_allclose(found.variance("own", 8), [4, 8])
    np.testing.assert_allclose(found.variance("pooled", 8), [16 / 3, 16 / 3])
    # (8 + 3 * 16/3) / (2 + 3) and (8 + 16) / (1 + 3)
    np.testing.assert_allclose(found.variance("shrunk", 3), [24 / 5, 24 / 4])


def test_models_that_agree_have_no_variance_of_zero() -> None:
    values = np.array([[1.0, 0.0], [1.0, 4.0]])
    found = moments(values, np.ones((2, 2), dtype=bool))
    assert (found.variance("own", 8) > 0).all()
    assert (moments(np.ones((3, 2)), np.ones((3, 2), dtype=bool)).variance("own", 8) > 0).all()


def test_complement() -> None:
    member = np.array([[True, False], [False, True], [True, True]])
    assert complement(member, 0) == 1
    assert complement(member, 1) == 0
    assert complement(member, 2) is None


@pytest.mark.parametrize(("how", "strength"), [("fixed", 8.0), ("own", 0.0), ("own", -1.0)])
def test_impossible_variances(how: str, strength: float) -> None:
    with pytest.raises(InputError, match="must be"):
        check_variance(how, strength)  # type: ignore[arg-type]
