"""Architectures of segmentation-models-pytorch, with small encoders."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.training.networks import NETWORKS, smp
from pixleak.training.seeded import seeded

SMALL = {"encoder": "mobilenet_v2"}
NAMES = [network.name for network in smp.SMP_NETWORKS]


@pytest.fixture(scope="module")
def package() -> ModuleType:
    return pytest.importorskip("segmentation_models_pytorch")


@pytest.mark.parametrize("name", NAMES)
def test_builds_and_answers(name: str, package: ModuleType) -> None:
    module = NETWORKS[name].configured(SMALL).build(3, 4, (32, 40)).eval()
    with torch.no_grad():
        assert module(torch.rand(1, 3, 32, 40)).shape == (1, 4, 32, 40)


def test_other_channels_and_seed(package: ModuleType) -> None:
    def weights(seed: int) -> torch.Tensor:
        with seeded(seed):
            module = NETWORKS["smp-unet"].configured(SMALL).build(1, 2, (32, 32))
        return nn.utils.parameters_to_vector(module.parameters())

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_colour_images_are_standardised_inside(package: ModuleType) -> None:
    with seeded(0):
        module = NETWORKS["smp-fpn"].configured(SMALL).build(3, 2, (32, 32)).eval()
    image = torch.rand(1, 3, 32, 32)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    assert isinstance(module.network, nn.Module)
    with torch.no_grad():
        torch.testing.assert_close(module(image), module.network((image - mean) / std))
    assert not {"mean", "std"} & module.state_dict().keys()


@pytest.fixture
def encoder_file(package: ModuleType, tmp_path: Path) -> Path:
    encoder = package.encoders.get_encoder("mobilenet_v2", weights=None)
    state = {key: torch.full_like(value, 2) for key, value in encoder.state_dict().items()}
    save_file(state, tmp_path / "encoder.safetensors")
    return tmp_path / "encoder.safetensors"


@pytest.mark.parametrize("channels", [1, 3])
def test_encoder_weights_from_a_file(encoder_file: Path, channels: int) -> None:
    options = {"encoder": "mobilenet_v2", "encoder_weights": str(encoder_file)}
    module: Any = NETWORKS["smp-unet"].configured(options).build(channels, 2, (32, 32))
    encoder = getattr(module, "network", module).encoder
    first, *_, last = encoder.parameters()
    assert last.unique().tolist() == [2]
    # Fewer channels: the colours' weights are summed, 2 + 2 + 2.
    assert first.shape[1] == channels
    assert first.unique().tolist() == [6 if channels == 1 else 2]


def test_a_checkpoint_is_reloaded_without_the_pretrained_weights(encoder_file: Path) -> None:
    options = {"encoder": "mobilenet_v2", "encoder_weights": str(encoder_file)}
    network = NETWORKS["smp-unet"].configured(options)
    state = network.build(3, 2, (32, 32)).state_dict()
    encoder_file.unlink()
    network.blank().build(3, 2, (32, 32)).load_state_dict(state)


def refused(sentence: str, name: str = "smp-unet", **options: object) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        NETWORKS[name].configured(options).build(3, 2, (32, 32))
    assert "\n" not in str(caught.value)


def test_encoders_that_cannot_be_had(package: ModuleType, encoder_file: Path) -> None:
    refused("has no encoder 'resnet43', did you mean 'resnet34'?", encoder="resnet43")
    refused("cannot build Linknet with encoder 'mit_b0'", "smp-linknet", encoder="mit_b0")
    refused("there is no checkpoint /no/such.pth", encoder_weights="/no/such.pth")
    refused(
        "are of another architecture than encoder 'resnet18'",
        encoder="resnet18",
        encoder_weights=str(encoder_file),
    )


def test_weights_that_cannot_be_downloaded(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise ConnectionError("no route to host\ndetails")

    monkeypatch.setattr(package.encoders, "hf_hub_download", fails)
    refused(
        "the weights 'imagenet' of encoder 'resnet18' could not be obtained (ConnectionError: no "
        "route to host); give a file that holds them as encoder_weights, or leave",
        encoder="resnet18",
        encoder_weights="imagenet",
    )


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'pixleak[smp]'")):
        NETWORKS["smp-unet"]().build(3, 2, (32, 32))
