"""What defences of the output have in common."""

import pytest
import torch

from fixed_answers import answering, column, generator
from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.defences.output.argmax import Argmax
from pixleak.defences.output.noise import Noise
from pixleak.defences.output.rounding import Rounding
from pixleak.defences.output.temperature import Temperature
from pixleak.training.defence import Defence, check_defences

SOFT: tuple[Defence, ...] = (Rounding(), Temperature(), Noise(), Noise(added_to="probabilities"))


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


@pytest.mark.parametrize("defence", SOFT, ids=lambda d: d.description)
def test_labels_cannot_be_softened(defence: Defence) -> None:
    inner = answering(torch.zeros(2, 2, dtype=torch.int64), Access.LABEL)
    for refused in (lambda: defence.access_after(Access.LABEL), lambda: defence.wrap_target(inner)):
        with pytest.raises(InputError, match="returns labels: put it before 'argmax'"):
            refused()
    before = defence.wrap_target(answering(column(0.0, 2.0), Access.LOGIT))
    assert Argmax().wrap_target(before).predict(torch.zeros(1, 1, 1, 1)).access is Access.LABEL


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
