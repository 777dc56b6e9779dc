"""Membership errors, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from attack_tables import observed
from pixleak.attacks.calibrated.membership_error import (
    FittedMembershipError,
    MembershipError,
    fit_line,
)
from pixleak.attacks.evidence import Population
from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo, SignalTable


def table(errors: list[float], difficulties: list[float], prefix: str = "r") -> SignalTable:
    """Errors, of which members have lower ones, and difficulties."""
    infos = (
        SignalInfo("error", "range", "lower"),
        SignalInfo("difficulty", "range", "higher", queries_model=False),
    )
    values = np.array([errors, difficulties]).T
    ids = tuple(f"{prefix}{i}" for i in range(len(errors)))
    return SignalTable(ids, values, infos, np.ones(values.shape, dtype=bool))


def test_error_minus_difficulty() -> None:
    seen = table([0.2, 0.1, 0.3], [0.1, 0.05, 0.4])
    assert MembershipError().score(seen).values == pytest.approx([-0.1, -0.05, 0.1])
    assert MembershipError(alpha=2).score(seen).values == pytest.approx([0.0, 0.0, 0.5])
    assert MembershipError(alpha=0).score(seen).values == pytest.approx([-0.2, -0.1, -0.3])


def test_distance_from_the_fitted_line_in_standard_errors() -> None:
    # The population's errors are 1, 3, 2, 4, 3, 5 at difficulties 0, 0, 1, 1, 2, 2: 2 + d, s^2 =
    # 6/4. At d = 1, the mean, s^2 (1 + 1/6) = 7/4; at d = 3, 2 from it, s^2 (1 + 1/6 + 4/4).
    outer = Population(table([1, 3, 2, 4, 3, 5], [0, 0, 1, 1, 2, 2], "p"))
    scores = FittedMembershipError().score(table([2.0, 5.0], [1.0, 3.0]), None, outer)
    assert scores.values == pytest.approx([1 / np.sqrt(7 / 4), 0.0], abs=1e-9)
    wide = FittedMembershipError().score(table([4.0], [3.0]), None, outer)
    assert wide.values == pytest.approx([1 / np.sqrt(1.5 * (1 + 1 / 6 + 1))])


def test_a_difficulty_that_does_not_vary_changes_nothing() -> None:
    outer = Population(table([1, 3, 2, 4, 3, 5], [0.5] * 6, "p"))
    scores = FittedMembershipError().score(table([1.0, 4.0], [0.5, 0.5]), None, outer)
    assert scores.values[0] == pytest.approx(-scores.values[1] + 0, abs=3)
    assert scores.values[0] > 0 > scores.values[1]


def test_units_of_the_difficulty_do_not_matter() -> None:
    generator = np.random.default_rng(0)
    d = generator.normal(size=40)
    e = 2 * d + generator.normal(size=40)
    one = FittedMembershipError().score(
        table(e[:10].tolist(), d[:10].tolist()),
        None,
        Population(table(e.tolist(), d.tolist(), "p")),
    )
    other = FittedMembershipError().score(
        table(e[:10].tolist(), (1e6 * d[:10] + 7).tolist()),
        None,
        Population(table(e.tolist(), (1e6 * d + 7).tolist(), "p")),
    )
    assert one.values == pytest.approx(other.values)


def test_what_it_cannot_work_with() -> None:
    with pytest.raises(InputError, match="takes an error and at least one difficulty, got one"):
        MembershipError().score(observed([1.0, 2.0]))
    few = Population(table([1, 2, 3], [0, 1, 2], "p"))
    with pytest.raises(InputError, match=r"needs at least 6 records .* got 3"):
        FittedMembershipError().score(table([1.0], [1.0]), None, few)
    with pytest.raises(InputError, match="are an exact function of their difficulty"):
        fit_line(np.arange(8.0)[:, None], np.zeros(8))
    with pytest.raises(InputError, match="finite alpha"):
        MembershipError(alpha=float("nan"))
