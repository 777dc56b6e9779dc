"""Defences that alter answers, on answers worked by hand."""

from math import exp, log

import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.output.argmax import Argmax
from pixleak.defences.output.noise import Noise
from pixleak.defences.output.rounding import Rounding, largest_remainder
from pixleak.defences.output.temperature import Temperature
from pixleak.targets.function import FunctionTarget
from pixleak.targets.generator import GeneratorTarget
from pixleak.training.defence import Defence, check_defences

SOFT: tuple[Defence, ...] = (Rounding(), Temperature(), Noise(), Noise(added_to="probabilities"))


def saying(
    values: Tensor, access: Access, classes: int = 2, name: str = "target"
) -> FunctionTarget:
    """Answers (k, h, w) values, whatever it is asked."""

    def answer(images: Tensor) -> Tensor:
        return values.expand(len(images), *values.shape)

    return FunctionTarget(answer, LabelTruth(classes), access, name=name)


def told(defence: Defence, values: Tensor, access: Access, classes: int = 2) -> Tensor:
    target = defence.wrap_target(saying(values, access, classes))
    assert target.access is defence.access_after(access)
    return target.predict(torch.zeros(1, 1, *values.shape[-2:])).values[0]


def column(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None, None]


def test_argmax_is_the_largest_logit_however_classes_are_told() -> None:
    odds = torch.tensor([[-7.3, -0.2, 0.0], [0.2, 3.1, 12.4]])
    expected = torch.tensor([[0, 0, 0], [1, 1, 1]])
    two = torch.stack([torch.full_like(odds, 1.5), odds + 1.5])
    for access, answers in (
        (Access.LOGIT, (odds[None], two)),
        (Access.PROBABILITY, (odds.sigmoid()[None], two.softmax(dim=0))),
    ):
        for values in answers:
            assert torch.equal(told(Argmax(), values, access), expected)
    many = torch.randn(5, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(told(Argmax(), many, Access.LOGIT, 5), many.argmax(dim=0))
    assert torch.equal(told(Argmax(), expected, Access.LABEL), expected)


def test_rounded_probabilities_still_sum_to_one() -> None:
    thirds = told(Rounding(decimals=2), column(0.335, 0.335, 0.33), Access.PROBABILITY, 3)
    torch.testing.assert_close(thirds, column(0.34, 0.33, 0.33))
    # Each rounded on its own, .2, .2, .2 and .3, they would sum to .9.
    found = told(Rounding(decimals=1), column(0.24, 0.24, 0.24, 0.28), Access.PROBABILITY, 4)
    torch.testing.assert_close(found, column(0.3, 0.2, 0.2, 0.3))
    one = told(Rounding(decimals=1), torch.tensor([[[0.04, 0.06, 0.94, 0.96]]]), Access.PROBABILITY)
    torch.testing.assert_close(one, torch.tensor([[[0.0, 0.1, 0.9, 1.0]]]))
    logits = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(1)) * 3
    from_logits = told(Rounding(decimals=3), logits, Access.LOGIT, 6).double()
    assert (from_logits.sum(dim=0) - 1).abs().max() < 1e-6
    assert (from_logits - logits.double().softmax(dim=0)).abs().max() < 1e-3
    assert (from_logits * 1000 - (from_logits * 1000).round()).abs().max() < 1e-4


def test_one_channel_is_rounded_as_two() -> None:
    p = torch.linspace(0, 1, 41)[None, None]
    one = told(Rounding(decimals=1), p, Access.PROBABILITY)
    exact = p.double()
    two = largest_remainder(torch.stack([1 - exact[0], exact[0]])[None], 10)[0] / 10
    torch.testing.assert_close(one[0], two[1].float())


def test_temperature_by_hand_and_undone() -> None:
    torch.testing.assert_close(
        told(Temperature(temperature=4), column(2.0, -6.0), Access.LOGIT), column(0.5, -1.5)
    )
    # p^(1/2) of .8 and .2 are 2 to 1; of one channel too.
    for values, expected in (
        (column(0.2, 0.8), column(1 / 3, 2 / 3)),
        (column(0.8), column(2 / 3)),
    ):
        found = told(Temperature(temperature=2), values, Access.PROBABILITY)
        torch.testing.assert_close(found, expected)
    sure = told(Temperature(temperature=3), column(0.0, 1.0, 0.0), Access.PROBABILITY, 3)
    assert torch.equal(sure, column(0.0, 1.0, 0.0))
    logits = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0)) * 4
    through = Temperature(temperature=1 / 7).wrap_target(
        Temperature(temperature=7).wrap_target(saying(logits, Access.LOGIT, 3))
    )
    back = through.predict(torch.zeros(1, 1, 5, 5)).values[0]
    torch.testing.assert_close(back, logits)


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
    inner = saying(values, access, max(2, channels))
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
    on_logits = told(noise, logits, Access.LOGIT, 3)
    assert float(on_logits.std()) == pytest.approx(0.7, rel=0.05)
    assert abs(float(on_logits.mean())) < 0.03
    on_probabilities = told(noise, logits.softmax(dim=0), Access.PROBABILITY, 3)
    torch.testing.assert_close(on_probabilities, on_logits.softmax(dim=0))


def test_every_model_has_a_secret_of_its_own() -> None:
    values, images = torch.zeros(1, 8, 8), torch.zeros(1, 1, 8, 8)
    found = [
        Noise(seed=seed).wrap_target(saying(values, Access.LOGIT, name=name)).predict(images).values
        for seed, name in ((0, "target"), (0, "shadow"), (1, "target"), (0, "target"))
    ]
    assert torch.equal(found[0], found[3])
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_fresh_noise_averages_out_and_does_not_hang_on_other_queries() -> None:
    inner = saying(torch.zeros(1, 8, 8), Access.LOGIT)
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
    found = told(Noise(sigma=50, added_to="probabilities"), torch.full((3, 16, 16), 1 / 3),
                 Access.PROBABILITY, 3)  # fmt: skip
    torch.testing.assert_close(found.sum(dim=0), torch.ones(16, 16))
    assert bool((found == 1 / 3).all(dim=0).any())


def generator(judge: bool = False) -> GeneratorTarget:
    return GeneratorTarget(
        torch.nn.Identity(),
        ImageTruth(1, -1.0, 1.0),
        Access.DISCRIMINATOR if judge else Access.IMAGE,
        name="generator",
        discriminator=torch.nn.Identity() if judge else None,
        realness=lambda net, inputs, outputs: net(outputs).mean(dim=(1, 2, 3)),
    )


def test_pictures_are_rounded_and_blurred_in_units_of_their_range() -> None:
    images = torch.tensor([[[[-1.0, -0.97, 0.04, 0.88]]]])
    rounded = Rounding(decimals=1).wrap_target(generator())
    assert rounded.access is Access.IMAGE
    torch.testing.assert_close(
        rounded.predict(images).values, torch.tensor([[[[-1.0, -1.0, 0.0, 0.8]]]])
    )
    grey = torch.zeros(1, 1, 64, 64)
    noisy = Noise(sigma=0.05).wrap_target(generator()).predict(grey).values
    assert float(noisy.std()) == pytest.approx(0.1, rel=0.05)
    bright = Noise(sigma=0.05).wrap_target(generator()).predict(grey + 1).values
    assert float(bright.max()) == 1.0
    with pytest.raises(InputError, match="much less than 1"):
        check_defences([Noise()], None, ImageTruth(1), reserve=False)
    with pytest.raises(InputError, match="segmenters only"):
        check_defences([Argmax()], None, ImageTruth(1), reserve=False)


def test_the_discriminator_is_still_asked() -> None:
    served = Rounding().wrap_target(generator(judge=True))
    assert served.access is Access.DISCRIMINATOR
    assert served.judge is not None
    assert float(served.judge(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))) == 1.0


@pytest.mark.parametrize("defence", SOFT, ids=lambda d: d.description)
def test_labels_cannot_be_softened(defence: Defence) -> None:
    inner = saying(torch.zeros(2, 2, dtype=torch.int64), Access.LABEL)
    for refused in (lambda: defence.access_after(Access.LABEL), lambda: defence.wrap_target(inner)):
        with pytest.raises(InputError, match="gives labels away: put it before 'argmax'"):
            refused()
    before = defence.wrap_target(saying(column(0.0, 2.0), Access.LOGIT))
    assert Argmax().wrap_target(before).predict(torch.zeros(1, 1, 1, 1)).access is Access.LABEL


def test_rounding_hides_the_digits_that_tell() -> None:
    sure = [Rounding().wrap_target(saying(column(z), Access.LOGIT)) for z in (7.0, 9.0)]
    first, second = (target.predict(torch.zeros(1, 1, 1, 1)).values for target in sure)
    assert torch.equal(first, second)
    assert log(1 + exp(-7)) > 5 * log(1 + exp(-9))  # though their losses differ


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rounding(decimals=0),
        lambda: Rounding(decimals=7),
        lambda: Temperature(temperature=0),
        lambda: Noise(sigma=0),
        lambda: Noise(added_to="labels"),  # type: ignore[arg-type]
    ],
)
def test_options_out_of_range_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="got"):
        make()
