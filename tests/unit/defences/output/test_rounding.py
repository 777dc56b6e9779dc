"""Rounding, on answers worked by hand."""

from __future__ import annotations

from math import exp, log

import torch

from fixed_answers import answer_of, answering, column, generator
from pixleak.core.access import Access
from pixleak.defences.output.rounding import Rounding, largest_remainder


def test_rounded_probabilities_still_sum_to_one() -> None:
    thirds = answer_of(Rounding(decimals=2), column(0.335, 0.335, 0.33), Access.PROBABILITY, 3)
    torch.testing.assert_close(thirds, column(0.34, 0.33, 0.33))
    # Each rounded on its own, .2, .2, .2 and .3, they would sum to .9.
    found = answer_of(Rounding(decimals=1), column(0.24, 0.24, 0.24, 0.28), Access.PROBABILITY, 4)
    torch.testing.assert_close(found, column(0.3, 0.2, 0.2, 0.3))
    one = answer_of(
        Rounding(decimals=1), torch.tensor([[[0.04, 0.06, 0.94, 0.96]]]), Access.PROBABILITY
    )
    torch.testing.assert_close(one, torch.tensor([[[0.0, 0.1, 0.9, 1.0]]]))
    logits = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(1)) * 3
    from_logits = answer_of(Rounding(decimals=3), logits, Access.LOGIT, 6).double()
    assert (from_logits.sum(dim=0) - 1).abs().max() < 1e-6
    assert (from_logits - logits.double().softmax(dim=0)).abs().max() < 1e-3
    assert (from_logits * 1000 - (from_logits * 1000).round()).abs().max() < 1e-4


def test_one_channel_is_rounded_as_two() -> None:
    p = torch.linspace(0, 1, 41)[None, None]
    one = answer_of(Rounding(decimals=1), p, Access.PROBABILITY)
    exact = p.double()
    two = largest_remainder(torch.stack([1 - exact[0], exact[0]])[None], 10)[0] / 10
    torch.testing.assert_close(one[0], two[1].float())


def test_the_discriminator_is_still_asked() -> None:
    served = Rounding().wrap_target(generator(judge=True))
    assert served.access is Access.DISCRIMINATOR
    assert served.judge is not None
    assert float(served.judge(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))) == 1.0


def test_rounding_hides_the_digits_that_tell() -> None:
    sure = [Rounding().wrap_target(answering(column(z), Access.LOGIT)) for z in (7.0, 9.0)]
    first, second = (target.predict(torch.zeros(1, 1, 1, 1)).values for target in sure)
    assert torch.equal(first, second)
    assert log(1 + exp(-7)) > 5 * log(1 + exp(-9))  # though their losses differ
