"""Signals of generators: worked examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals import SIGNALS
from pixleak.signals.generation.perceptual import Lpips
from pixleak.signals.generation.reconstruction import WorstError
from pixleak.signals.generation.sampling import MonteCarloShare
from pixleak.signals.measure import measure
from pixleak.signals.pixels.images import SMALLEST, ImagePixels
from pixleak.targets.base import Prediction
from pixleak.targets.function import FunctionTarget
from pixleak.targets.target_for import target_for
from pixleak.testing.worlds.images import remembered_images

KIND = ImageTruth(3)


def pixels(outputs: Tensor, truths: Tensor, **more: object) -> ImagePixels:
    kind = ImageTruth(truths.shape[1])
    return ImagePixels(Prediction(Access.IMAGE, outputs), truths, kind, **more)  # type: ignore[arg-type]


def value(name: str, seen: ImagePixels) -> list[float]:
    columns = SIGNALS.make(name).measure(seen)
    assert columns.measured.all()
    return [float(v) for v in columns.values[0]]


def test_errors_by_hand() -> None:
    # One channel of 2 x 2: errors .1, .3, 0, .4.
    truths = torch.tensor([[[[0.5, 0.5], [0.5, 0.5]]]])
    outputs = truths + torch.tensor([[[[0.1, -0.3], [0.0, 0.4]]]])
    seen = pixels(outputs, truths)
    assert value("l1-error", seen) == pytest.approx([0.2])
    assert value("l2-error", seen) == pytest.approx([0.26 / 4])
    assert value("log-l1-error", seen) == pytest.approx([math.log(0.2)])
    assert value("log-l2-error", seen) == pytest.approx([math.log(0.065)])
    assert value("worst-error", seen) == pytest.approx([math.log(0.4)])  # a tenth of 4: one
    half = WorstError(share=0.5).measure(seen).values[0, 0]
    assert half == pytest.approx(math.log(0.35))


def test_errors_are_in_units_of_the_range() -> None:
    kind = ImageTruth(1, low=-1.0, high=1.0)
    truths = torch.zeros(1, 1, 4, 4)
    seen = ImagePixels(Prediction(Access.IMAGE, truths + 0.5), truths, kind)
    assert value("l1-error", seen) == pytest.approx([0.25])


def test_ssim_of_flat_images_by_hand() -> None:
    # No variance: only the luminance term (2 a b + c1) / (a^2 + b^2 + c1) is not one.
    truths, outputs = torch.full((1, 1, 16, 16), 0.5), torch.full((1, 1, 16, 16), 0.8)
    expected = 1 - (2 * 0.4 + 1e-4) / (0.25 + 0.64 + 1e-4)
    # In single precision the variances of flat images are zero up to 1e-7, c2 is 9e-4.
    assert value("ssim-error", pixels(outputs, truths)) == pytest.approx([expected], abs=5e-4)
    small = pixels(outputs[..., :4, :5], truths[..., :4, :5])  # smaller than the window
    assert value("ssim-error", small) == pytest.approx([expected], abs=5e-4)


def test_coarse_and_fine_by_hand() -> None:
    # 16 x 16, so squares of 2 x 2. Everything is .2 too bright, besides stripes of +-.1 that the
    # squares average out.
    stripes = torch.tensor([0.1, -0.1]).repeat(8).expand(1, 1, 16, 16)
    truths = torch.full((1, 1, 16, 16), 0.4)
    seen = pixels(truths + 0.2 + stripes, truths)
    assert value("coarse-error", seen) == pytest.approx([math.log(0.2)])
    assert value("fine-error", seen) == pytest.approx([math.log(0.1)])


def test_likeness_by_hand() -> None:
    truths = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    same = pixels(0.1 + 0.5 * truths, truths)
    assert value("likeness", same) == pytest.approx([math.atanh(1 - 1e-6)])
    assert value("edge-likeness", same) == pytest.approx([math.atanh(1 - 1e-6)])
    assert value("likeness", pixels(1 - truths, truths)) == pytest.approx([math.atanh(-1 + 1e-6)])
    flat = pixels(torch.full_like(truths, 0.3), truths)
    assert value("likeness", flat) == value("edge-likeness", flat) == [0.0]
    # (1, 2, 3, 4) and (1, 3, 2, 4): correlation 4/5.
    one, other = (torch.tensor(x).reshape(1, 1, 2, 2) for x in ((1.0, 2, 3, 4), (1.0, 3, 2, 4)))
    assert value("likeness", pixels(one / 4, other / 4)) == pytest.approx([math.atanh(0.8)])


def test_detail_by_hand() -> None:
    # The left third flat, the middle in weak stripes, the right in strong ones; errors .1, .2, .3.
    columns = torch.arange(18)
    size = torch.tensor([0.0, 0.1, 0.4])[columns // 6]
    truths = (0.5 + size * (columns % 2)).expand(1, 1, 6, 18).contiguous()
    outputs = truths + torch.tensor([0.1, 0.2, 0.3])[columns // 6]
    found = value("error-by-detail", pixels(outputs, truths))
    # Averages over 5 x 5 blur the borders of the thirds, so they are near, not equal.
    assert found == pytest.approx([math.log(0.1), math.log(0.2), math.log(0.3)], abs=0.12)
    assert found == sorted(found)


def test_samples_by_hand() -> None:
    truths = torch.zeros(1, 1, 4, 4)
    samples = torch.stack([truths + e for e in (0.3, 0.08, 0.15, 0.04)])
    seen = pixels(samples[0], truths, samples=samples)
    assert value("best-of-n", seen) == pytest.approx([math.log(0.04)])
    assert value("monte-carlo-share", seen) == [0.25, 0.5, 0.75]
    names = [info.name for info in MonteCarloShare().infos(KIND)]
    assert names == ["monte-carlo-share-0-05", "monte-carlo-share-0-1", "monte-carlo-share-0-2"]
    with pytest.raises(UnmetNeedError, match="asked once; several samples are needed"):
        SIGNALS.make("best-of-n").measure(pixels(truths, truths))


def test_the_discriminator_is_asked_about_the_true_image() -> None:
    class Judge(torch.nn.Module):
        def forward(self, inputs: Tensor, outputs: Tensor) -> list[list[Tensor]]:
            mean = outputs.mean(dim=(1, 2, 3), keepdim=True)
            return [[inputs, mean * 2], [inputs, mean * 4]]

    inputs, truths = torch.rand(5, 1, 4, 4), torch.rand(5, 3, 4, 4)
    records = Records([RecordKey(str(i)) for i in range(5)], lambda i: (inputs[i], truths[i]), KIND)
    echo = torch.nn.Conv2d(1, 3, 1)
    target = target_for(echo, KIND, Access.DISCRIMINATOR, discriminator=Judge())
    table = measure(target, records, [SIGNALS.make("discriminator")], batch_size=2)
    assert np.allclose(table.values[:, 0], 3 * truths.mean(dim=(1, 2, 3)).numpy(), atol=1e-6)
    plain = target_for(echo, KIND, Access.IMAGE, discriminator=Judge())
    with pytest.raises(UnmetNeedError, match="needs discriminator access, but target grants image"):
        measure(plain, records, [SIGNALS.make("discriminator")])
    with pytest.raises(InputError, match="declared to include its discriminator, but it has none"):
        target_for(echo, KIND, Access.DISCRIMINATOR)
    wrong = target_for(echo, KIND, Access.DISCRIMINATOR, discriminator=torch.nn.Bilinear(4, 4, 1))
    wrong.discriminator.forward = lambda inputs, outputs: "yes"  # type: ignore[method-assign, union-attr]
    with pytest.raises(InputError, match=r"must answer with logits .* got str"):
        measure(wrong, records, [SIGNALS.make("discriminator")])


def test_lpips_needs_its_extra_or_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    class Network(torch.nn.Module):
        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            assert one.shape[1] == 3
            assert float(one.min()) >= -1
            return (one - other).abs().mean(dim=(1, 2, 3), keepdim=True)

    from pixleak.signals.generation import perceptual

    monkeypatch.setattr(perceptual, "_network", lambda backbone, pretrained: Network())
    seen = pixels(torch.full((2, 1, 8, 8), 0.7), torch.full((2, 1, 8, 8), 0.5))
    # Images go from [0, 1] to [-1, 1], where the distance doubles.
    assert Lpips().measure(seen).values[:, 0] == pytest.approx([0.4, 0.4])


def test_samples_do_not_depend_on_earlier_queries() -> None:
    records = remembered_images(KIND, records=4, leak=1.0).records
    noisy = FunctionTarget(lambda x: x + 0.1 * torch.randn_like(x), KIND, Access.IMAGE)
    best = SIGNALS.make("best-of-n")
    state = torch.get_rng_state()
    whole = measure(noisy, records, [best], samples=5)
    alone = measure(noisy, records.select(["r2"]), [best], samples=5)
    assert torch.equal(state, torch.get_rng_state())
    assert alone.values[0, 0] == whole.values[2, 0]
    one = measure(noisy, records, [SIGNALS.make("log-l1-error")]).values
    assert whole.values.mean() < one.mean()


def test_a_perfect_answer_has_the_smallest_logarithm() -> None:
    truths = torch.rand(1, 3, 16, 16)
    assert value("log-l1-error", pixels(truths, truths)) == pytest.approx([math.log(SMALLEST)])


def test_shapes_are_checked() -> None:
    with pytest.raises(InputError, match="true images must be"):
        pixels(torch.zeros(1, 3, 4), torch.zeros(1, 3, 4))
    with pytest.raises(InputError, match=r"outputs of shape .* do not fit"):
        pixels(torch.zeros(1, 1, 4, 4), torch.zeros(1, 3, 4, 4))
