from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch
from torch import nn

from pixleak.core.errors import InputError
from pixleak.training.networks import NETWORKS
from pixleak.training.networks.padding import Padded
from pixleak.training.seeded import seeded

OWN = [network.name for network in NETWORKS.values() if network.extra is None]
SMP = [network.name for network in NETWORKS.values() if network.extra == "smp"]


# Narrow ones: the wide ones of the defaults take seconds each.
NARROW: dict[str, dict[str, object]] = {"pix2pixhd": {"width": 8}, "spade": {"width": 8}}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("size", [(32, 48), (30, 21), (5, 7)])
def test_any_size_in_same_size_out(name: str, size: tuple[int, int]) -> None:
    module = NETWORKS[name].configured(NARROW.get(name, {})).build(3, 4, size)
    answer = module(torch.rand(2, 3, *size))
    assert answer.shape == (2, 4, *size)
    if NETWORKS[name].kind == "images":
        assert 0 <= answer.min() <= answer.max() <= 1
    else:
        assert answer.min() < 0  # logits
    answer.sum().backward()


@pytest.mark.parametrize("name", OWN)
def test_a_size_that_fits_is_not_wrapped(name: str) -> None:
    assert not isinstance(NETWORKS[name]().build(1, 2, (64, 64)), Padded)


def test_padding_repeats_the_edge_and_crops() -> None:
    class Grey(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.seen = images
            return images

    grey = Grey()
    images = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert torch.equal(Padded(grey, 4)(images), images)
    assert grey.seen[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]


@pytest.mark.parametrize("name", OWN)
def test_initialisation_is_seeded_and_leaves_the_global_generator(name: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        with seeded(seed):
            module = NETWORKS[name].configured(NARROW.get(name, {})).build(1, 2, (32, 32))
        return nn.utils.parameters_to_vector(module.parameters())

    state = torch.get_rng_state()
    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert torch.equal(state, torch.get_rng_state())


def test_options_shape_the_network() -> None:
    def size(**options: object) -> int:
        module = NETWORKS["unet"].configured(options).build(1, 2, (32, 32))
        return sum(p.numel() for p in module.parameters())

    assert size(widths=(8, 16)) < size() < size(widths=[32, 64, 128, 256])


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("unet", {"width": 3}, "no option 'width', did you mean 'widths'? (options: widths, norm"),
        ("unet", {"widths": [8]}, "option widths: "),
        ("segresnet", {"width": 12}, "option width: Input should be a multiple of 8"),
        ("smp-unet", {"encoders": "vgg11"}, "no option 'encoders', did you mean 'encoder'?"),
    ],
)
def test_wrong_options(name: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        NETWORKS[name].configured(options)


def test_the_table_is_read_without_torch() -> None:
    code = (
        "import sys; from pixleak.training.networks import NETWORKS; list(NETWORKS.values());"
        "from pixleak.training.recipe import Recipe; Recipe();"
        "assert not {'torch', 'monai', 'segmentation_models_pytorch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_network_says_what_it_is() -> None:
    for name, network in NETWORKS.items():
        assert network.name == name
        assert network.summary
        assert network.source
