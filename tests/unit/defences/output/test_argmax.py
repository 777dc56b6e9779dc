"""Argmax returns the largest logit."""

from __future__ import annotations

import torch

from fixed_answers import answer_of
from pixleak.core.access import Access
from pixleak.defences.output.argmax import Argmax


def test_argmax_is_the_largest_logit_however_classes_are_told() -> None:
    odds = torch.tensor([[-7.3, -0.2, 0.0], [0.2, 3.1, 12.4]])
    expected = torch.tensor([[0, 0, 0], [1, 1, 1]])
    two = torch.stack([torch.full_like(odds, 1.5), odds + 1.5])
    for access, answers in (
        (Access.LOGIT, (odds[None], two)),
        (Access.PROBABILITY, (odds.sigmoid()[None], two.softmax(dim=0))),
    ):
        for values in answers:
            assert torch.equal(answer_of(Argmax(), values, access), expected)
    many = torch.randn(5, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(answer_of(Argmax(), many, Access.LOGIT, 5), many.argmax(dim=0))
    assert torch.equal(answer_of(Argmax(), expected, Access.LABEL), expected)
