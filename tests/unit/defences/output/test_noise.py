"""Noise that repeats, and noise that does not."""

from __future__ import annotations

import pytest
import torch

from fixed_answers import answer_of, answering
from pixleak.core.access import Access
from pixleak.defences.output.noise import Noise


@pytest.mark.parametrize("access", [Access.LOGIT, Access.PROBABILITY])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("noise", [Noise(sigma=0.5), Noise(sigma=0.5, added_to="probabilities")])
def test_noise_is_the_same_however_often_and_in_whichever_batch(
    noise: Noise, channels: int, access: Access
) -> None:
    logits = torch.randn(channels, 6, 6, generator=torch.Generator().manual_seed(2))
    values = logits
    if access is Access.PROBABILITY:
        values = logits.sigmoid() if channels == 1 else logits.softmax(dim=0)
    inner = answering(values, access, max(2, channels))
    images = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(3))
    served = noise.wrap_target(inner)
    whole = served.predict(images).values
    assert torch.equal(whole, served.predict(images).values)
    alone = torch.cat([noise.wrap_target(inner).predict(image[None]).values for image in images])
    torch.testing.assert_close(whole, alone)
    assert not torch.equal(whole[0], whole[1])
    plain = inner.predict(images).values
    assert not torch.allclose(whole, plain, atol=0.05)


def test_noise_is_as_large_as_it_says_and_the_same_on_logits_and_on_their_probabilities() -> None:
    logits = torch.zeros(3, 64, 64)
    noise = Noise(sigma=0.7)
    on_logits = answer_of(noise, logits, Access.LOGIT, 3)
    assert float(on_logits.std()) == pytest.approx(0.7, rel=0.05)
    assert abs(float(on_logits.mean())) < 0.03
    on_probabilities = answer_of(noise, logits.softmax(dim=0), Access.PROBABILITY, 3)
    torch.testing.assert_close(on_probabilities, on_logits.softmax(dim=0))


def test_every_model_has_a_secret_of_its_own() -> None:
    values, images = torch.zeros(1, 8, 8), torch.zeros(1, 1, 8, 8)
    found = [
        Noise(seed=seed)
        .wrap_target(answering(values, Access.LOGIT, name=name))
        .predict(images)
        .values
        for seed, name in ((0, "target"), (0, "shadow"), (1, "target"), (0, "target"))
    ]
    assert torch.equal(found[0], found[3])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_fresh_noise_averages_out_and_does_not_hang_on_other_queries() -> None:
    inner = answering(torch.zeros(1, 8, 8), Access.LOGIT)
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    served = Noise(fresh=True).wrap_target(inner)
    repeated = torch.stack([served.predict(images[:1]).values[0] for _ in range(100)])
    assert float(repeated.std()) == pytest.approx(1, rel=0.05)
    assert float(repeated.mean(dim=0).std()) < 0.15
    other = Noise(fresh=True).wrap_target(inner)
    other.predict(images[1:])
    assert torch.equal(other.predict(images).values[0], repeated[0, 0:])
    assert torch.equal(other.predict(images).values[0], repeated[1, 0:])


def test_noise_never_takes_all_probability_away() -> None:
    found = answer_of(Noise(sigma=50, added_to="probabilities"), torch.full((3, 16, 16), 1 / 3),
                 Access.PROBABILITY, 3)  # fmt: skip
    torch.testing.assert_close(found.sum(dim=0), torch.ones(16, 16))
    assert bool((found == 1 / 3).all(dim=0).any())
