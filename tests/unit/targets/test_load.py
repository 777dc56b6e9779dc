from __future__ import annotations

import argparse
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pixleak.core.access import Access
from pixleak.core.code import load_function
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.targets.function import FunctionTarget
from pixleak.targets.load import load_module, read_state

SOURCE = """
from torch import nn
from dataclasses import dataclass
import neighbour

@dataclass
class Settings:
    width: int = 2

def net():
    return nn.Sequential(nn.Conv2d(1, Settings().width, 1), nn.BatchNorm2d(2))

def answer(images):
    return images.numpy().repeat(2, axis=1) * neighbour.FACTOR

def fails():
    raise KeyError("weights")

def number():
    return 3

ready = nn.Conv2d(1, 2, 1)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("FACTOR = -2")
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))


def refused(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_function_is_asked(file: Path) -> None:
    before = list(sys.path)
    target = FunctionTarget(load_function(f"{file}:answer"), LabelTruth(2), Access.LOGIT)
    values = target.predict(torch.full((1, 1, 2, 2), 3.0)).values
    assert torch.equal(values, torch.full((1, 2, 2, 2), -6.0))
    assert sys.path == before
    assert "mine" not in sys.modules


def test_factories_that_make_no_module(file: Path) -> None:
    refused(lambda: load_module(f"{file}:fails"), "fails with KeyError: 'weights'")
    refused(lambda: load_module(f"{file}:number"), "must return a torch.nn.Module, it returned")
    assert isinstance(load_module(f"{file}:ready"), nn.Conv2d)


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + key: value for key, value in net().state_dict().items()}


@pytest.mark.parametrize(
    "content",
    [
        prefixed(""),
        prefixed("module."),
        {"state_dict": prefixed("model."), "epoch": 3},
        # Lightning keeps the loss's weights beside the model's.
        {"state_dict": {**prefixed("model."), "loss.weight": torch.ones(2)}},
        {"model": prefixed("_orig_mod.")},
        {"model": {"state_dict": prefixed("")}},
        {"network_weights": prefixed(""), "trainer_name": "nnUNetTrainer", "current_epoch": 3},
        {"ema_state_dict": prefixed("module."), "epoch": 3},
        {"state_dict": {**prefixed("unet."), "loss.0.weight": torch.ones(2)}},
        {"state_dict": prefixed("model.unet._orig_mod.")},
        {"model_state_dict": prefixed(""), "optimizer_state_dict": {"state": {}}},
    ],
    ids=[
        "plain",
        "parallel",
        "lightning",
        "lightning-loss",
        "compiled",
        "nested",
        "nnunet",
        "ema",
        "lightning-unet",
        "deep",
        "tutorial",
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_checkpoints_of_many_makers(
    content: dict[str, object], legacy: bool, file: Path, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "weights.ckpt"
    torch.save(content, checkpoint, _use_new_zipfile_serialization=not legacy)
    module = load_module(f"{file}:net", checkpoint)
    for key, value in net().state_dict().items():
        assert torch.equal(module.state_dict()[key], value)


def moved() -> dict[str, torch.Tensor]:
    return {key: value + 1 for key, value in net().state_dict().items()}


def test_key_and_prefix_say_which_weights_are_meant(file: Path, tmp_path: Path) -> None:
    other = {f"teacher.{key}": value for key, value in moved().items()}
    path = tmp_path / "w.pt"
    torch.save({"ema": {"net": moved()}, "state_dict": {**prefixed("student."), **other}}, path)
    refused(
        lambda: load_module(f"{file}:net", path),
        "several sets of weights that could be meant, under 'student.', 'teacher.'",
    )
    for options, expected in (
        ({"prefix": "student."}, net().state_dict()),
        ({"prefix": "teacher."}, moved()),
        ({"key": "ema.net"}, moved()),
    ):
        found = load_module(f"{file}:net", path, **options).state_dict()
        assert torch.equal(found["0.weight"], expected["0.weight"])
    refused(lambda: load_module(f"{file}:net", path, key="emma"), "did you mean 'ema'?")
    refused(
        lambda: load_module(f"{file}:net", path, prefix="unet."),
        "starts with 'unet.'; names there start with 'student.', 'teacher.'",
    )


def test_weights_that_fit_in_part_name_the_prefix(file: Path, tmp_path: Path) -> None:
    content = prefixed("unet.")
    del content["unet.1.bias"]
    content["unet.2.weight"] = torch.ones(1)
    torch.save(content, tmp_path / "w.pt")
    refused(
        lambda: load_module(f"{file}:net", tmp_path / "w.pt"),
        "1 of 7 are missing (first '1.bias'), 1 are not in it (first '2.weight'), after the prefix "
        "'unet.'",
    )


def test_safetensors(file: Path, tmp_path: Path) -> None:
    save_file(prefixed("module."), tmp_path / "w.safetensors")
    module = load_module(f"{file}:net", tmp_path / "w.safetensors")
    assert torch.equal(module.state_dict()["0.weight"], net().state_dict()["0.weight"])


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_unless_allowed(tmp_path: Path) -> None:
    path, trace = tmp_path / "w.pt", tmp_path / "ran"
    torch.save({"state_dict": prefixed(""), "hook": Evil(trace)}, path)
    sentence = "is a pickle that holds more than weights, and reading it would run code"
    refused(lambda: read_state(path), sentence)
    refused(lambda: read_state(path), "set allow_pickle: true")
    assert not trace.exists()
    assert read_state(path, allow_pickle=True).keys() == net().state_dict().keys()
    assert trace.exists()
    torch.save({"state_dict": prefixed(""), "args": argparse.Namespace(lr=1)}, path)
    refused(lambda: read_state(path), sentence)
    assert read_state(path, allow_pickle=True).keys() == net().state_dict().keys()


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickled_module_gives_its_weights(nested: bool, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"model": net()} if nested else net(), path)
    refused(lambda: read_state(path), "set allow_pickle: true")
    assert torch.equal(
        read_state(path, allow_pickle=True)["0.weight"], net().state_dict()["0.weight"]
    )


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    refused(lambda: read_state(path), "there is no checkpoint")
    for content in (b"", b"hello world", pickle.dumps({"a": np.zeros(2)}, protocol=2)):
        path.write_bytes(content)
        for allow_pickle in (False, True):
            with pytest.raises(InputError, match=re.escape(str(path))):
                read_state(path, allow_pickle=allow_pickle)
    torch.save(prefixed(""), path)
    path.write_bytes(path.read_bytes()[:1000])
    refused(lambda: read_state(path), "is damaged or not a torch checkpoint")
    torch.save({"epoch": 3}, path)
    refused(lambda: read_state(path), "holds no weights")
    torch.save([torch.zeros(2)], path)
    refused(lambda: read_state(path), "holds no weights")
    safe = tmp_path / "w.safetensors"
    safe.write_bytes(b"hello")
    refused(lambda: read_state(safe), "is not a readable safetensors file")


def test_a_checkpoint_of_another_architecture(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    state = prefixed("module.")
    state["module.extra"] = torch.zeros(1)
    del state["module.0.bias"]
    state["module.0.weight"] = torch.zeros(5, 1, 1, 1)
    save_file(state, path)
    refused(
        lambda: load_module(f"{file}:net", path),
        f"the weights in {path} are of another architecture than {file}:net: 1 of 7 are missing "
        "(first '0.bias'), 1 are not in it (first 'extra'), 1 have another shape "
        "(first '0.weight': (5, 1, 1, 1) instead of (2, 1, 1, 1))",
    )


def test_a_checkpoint_from_before_batch_counters(file: Path, tmp_path: Path) -> None:
    state = prefixed("")
    del state["1.num_batches_tracked"]
    save_file(state, tmp_path / "w.safetensors")
    load_module(f"{file}:net", tmp_path / "w.safetensors")
