from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import pixleak
from pixleak.core.errors import InputError
from pixleak.training.checkpoint import (
    load_network,
    load_weights,
    network_metadata,
    read_metadata,
    save_weights,
)
from pixleak.training.networks import NETWORKS


def refused(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        call()


def test_round_trip_with_metadata(tmp_path: Path) -> None:
    module, path = nn.BatchNorm2d(3), tmp_path / "deep" / "w.safetensors"
    module(torch.rand(2, 3, 4, 4))
    save_weights(module, path, {"note": "mine"})
    assert read_metadata(path) == {"note": "mine", "pixleak": pixleak.__version__}
    other = nn.BatchNorm2d(3)
    load_weights(other, path)
    assert torch.equal(other.running_mean, module.running_mean)
    assert other.num_batches_tracked == 1
    assert path.stat().st_mode & stat.S_IRGRP
    assert [p.name for p in path.parent.iterdir()] == ["w.safetensors"]


def test_tied_weights(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    save_weights(module, tmp_path / "w.safetensors")
    load_weights(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), tmp_path / "w.safetensors")


def test_a_network_is_rebuilt_from_its_file(tmp_path: Path) -> None:
    options, path = {"widths": [4, 8]}, tmp_path / "w.safetensors"
    module = NETWORKS["unet"].configured(options).build(3, 4, (15, 16)).eval()
    save_weights(module, path, network_metadata("unet", options, 3, 4, (15, 16)))
    again = load_network(path)
    images = torch.rand(2, 3, 15, 16)
    assert not again.training
    assert torch.equal(again(images), module(images))


def test_files_that_cannot_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    module = nn.Linear(2, 2)
    refused(lambda: load_weights(module, path), "there is no checkpoint")
    path.write_bytes(b"nonsense")
    refused(lambda: load_weights(module, path), "is not a readable safetensors file")
    save_weights(nn.Linear(2, 3), path)
    refused(
        lambda: load_weights(module, path),
        "are of another architecture than the network: 2 have another shape (first 'weight': "
        "(3, 2) instead of (2, 2))",
    )
    refused(lambda: load_network(path), "does not describe its network")
    save_file({"a": torch.zeros(1)}, path, network_metadata("tiny", {}, 1, 2, (4, 4)))
    refused(lambda: load_network(path), "4 of 4 are missing (first '0.weight'), 1 are not in it")


def test_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(
        lambda: save_weights(nn.Linear(1, 1), tmp_path / "file" / "w.safetensors"), "cannot write"
    )


def test_an_old_file_survives_a_failed_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(nn.Linear(1, 1), path)
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(lambda: save_weights(nn.Linear(9, 9), path), "no space left to write")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]
