"""The accountants of Opacus, against a calculation by hand."""

from __future__ import annotations

import math

import pytest
from scipy.special import comb, logsumexp

from pixleak.defences.training.dp_sgd import DpSgd

pytest.importorskip("opacus")


def epsilon_by_hand(q: float, sigma: float, steps: int, delta: float) -> float:
    """Renyi orders 2, 3, ... by the binomial sum, and Balle 2020's conversion."""
    found = []
    for order in range(2, 64):
        terms = [
            math.log(comb(order, k))
            + (order - k) * (math.log1p(-q) if q < 1 else -1e9)
            + k * math.log(q)
            + (k * k - k) / (2 * sigma * sigma)
            for k in range(order + 1)
        ]
        renyi = steps * float(logsumexp(terms)) / (order - 1)
        found.append(
            renyi
            + math.log((order - 1) / order)
            - (math.log(delta) + math.log(order)) / (order - 1)
        )
    return min(found)


@pytest.mark.parametrize(("q", "sigma", "steps"), [(1.0, 2.0, 9), (0.4, 1.5, 9), (0.05, 1.0, 200)])
def test_epsilon_is_opacus_and_near_one_worked_by_hand(q: float, sigma: float, steps: int) -> None:
    from opacus.accountants import RDPAccountant

    account = DpSgd(noise_multiplier=sigma, delta=1e-4).account(100, q, steps)
    assert account.epsilon == 0.0
    account.steps = steps
    opacus = RDPAccountant()
    for _ in range(steps):
        opacus.step(noise_multiplier=sigma, sample_rate=q)
    assert account.epsilon == pytest.approx(opacus.get_epsilon(delta=1e-4), rel=1e-9)
    hand = epsilon_by_hand(q, sigma, steps, 1e-4)
    # Opacus looks at fractional orders as well, so it may only be a little smaller.
    assert 0.98 * hand < account.epsilon < hand + 1e-6
    tighter = DpSgd(noise_multiplier=sigma, delta=1e-4, accountant="prv")
    other = tighter.account(100, q, steps)
    other.steps = steps
    assert 0.7 * hand < other.epsilon < account.epsilon
