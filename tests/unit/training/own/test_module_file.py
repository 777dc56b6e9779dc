"""A module of the user's is written and read back whole, its weights apart from its structure."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.training.own.module_file import (
    read_module,
    read_weights,
    save_module,
    structure_path,
    weights_of,
)


class Tied(nn.Module):
    """Shares a weight, and has a saved and an unsaved buffer, and something that is no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.first.bias.requires_grad_(False)
        self.register_buffer("mean", torch.arange(3.0))
        self.register_buffer("scratch", torch.ones(1000), persistent=False)
        self.scale = {"of": 2.5}

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x - self.mean)) * self.scale["of"]
        return y


def test_what_is_read_back_is_the_same_module(tmp_path: Path) -> None:
    module, path = Tied(), tmp_path / "w.safetensors"
    save_module(module, path, structure=True, who="train")
    assert sorted(load_file(path)) == ["first.bias", "first.weight", "mean", "second.bias"]
    back = read_module(path, "train")
    x = torch.randn(2, 3)
    assert torch.equal(back(x), module(x))
    assert isinstance(back, Tied)
    assert back.first.weight is back.second.weight
    assert [one.requires_grad for one in back.parameters()] == [True, False, True]
    assert torch.equal(back.scratch, module.scratch)


def test_no_file_holds_the_weights_twice(tmp_path: Path) -> None:
    module = nn.Linear(300, 300)
    save_module(module, tmp_path / "w.safetensors", structure=True, who="train")
    assert structure_path(tmp_path / "w.safetensors").stat().st_size < 5_000
    assert (tmp_path / "w.safetensors").stat().st_size > 300 * 300 * 4


def test_without_structure_nothing_is_pickled(tmp_path: Path) -> None:
    module = Tied()
    module.scale["of"] = lambda: None  # type: ignore[assignment]
    save_module(module, tmp_path / "w.safetensors", structure=False, who="train")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    assert read_weights(tmp_path / "w.safetensors").keys() == weights_of(module).keys()


def test_what_cannot_be_pickled_is_told_with_the_way_out(tmp_path: Path) -> None:
    class Local(nn.Linear):
        pass

    with pytest.raises(InputError, match=r"module of train cannot be saved .*say with 'make'"):
        save_module(Local(2, 2), tmp_path / "w.safetensors", structure=True, who="train")
    assert list(tmp_path.iterdir()) == []


def test_missing_and_damaged_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(InputError, match="there is no file of weights"):
        read_module(path, "train")
    save_module(nn.Linear(2, 2), path, structure=True, who="train")
    structure_path(path).write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"the module of train in .* cannot be read"):
        read_module(path, "train")
    structure_path(path).unlink()
    with pytest.raises(InputError, match="there is no structure"):
        read_module(path, "train")
    path.write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        read_module(path, "train")
