"""Pairs and shares for mixing records."""

from __future__ import annotations

import pytest
import torch
from torch import Generator

from pixleak.core.errors import InputError
from pixleak.defences.steps.mixing import partners, shares


def test_everyone_has_a_partner_who_is_somebody_else() -> None:
    for count in (2, 3, 8):
        other = partners(count, Generator().manual_seed(count))
        assert sorted(other.tolist()) == list(range(count))
        assert not (other == torch.arange(count)).any()
    with pytest.raises(InputError, match="a batch of one record cannot be mixed"):
        partners(1, Generator())


def test_shares_are_of_the_distribution_asked_for() -> None:
    # Beta(2, 2): mean 1/2, variance 1/20.
    drawn = shares(20_000, 2.0, Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(drawn.var()) == pytest.approx(0.05, abs=0.002)
