"""Temperature, on answers worked by hand."""

from __future__ import annotations

import torch

from fixed_answers import answer_of, answering, column
from pixleak.core.access import Access
from pixleak.defences.output.temperature import Temperature


def test_temperature_by_hand_and_undone() -> None:
    torch.testing.assert_close(
        answer_of(Temperature(temperature=4), column(2.0, -6.0), Access.LOGIT),
        column(0.5, -1.5),
    )
    # p^(1/2) of .8 and .2 are 2 to 1; of one channel too.
    for values, expected in (
        (column(0.2, 0.8), column(1 / 3, 2 / 3)),
        (column(0.8), column(2 / 3)),
    ):
        found = answer_of(Temperature(temperature=2), values, Access.PROBABILITY)
        torch.testing.assert_close(found, expected)
    sure = answer_of(Temperature(temperature=3), column(0.0, 1.0, 0.0), Access.PROBABILITY, 3)
    assert torch.equal(sure, column(0.0, 1.0, 0.0))
    logits = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0)) * 4
    through = Temperature(temperature=1 / 7).wrap_target(
        Temperature(temperature=7).wrap_target(answering(logits, Access.LOGIT, 3))
    )
    back = through.predict(torch.zeros(1, 1, 5, 5)).values[0]
    torch.testing.assert_close(back, logits)
