"""Every kind of target keeps the contract, and so do targets; the contract can be broken."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from loopback import Service, kserve_service, serving
from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.function import FunctionTarget
from pixleak.targets.kinds.http import HttpEndpoint
from pixleak.targets.kinds.kserve import KServe
from pixleak.targets.module import ModuleTarget
from pixleak.targets.restricted import restricted
from pixleak.testing import check_target, check_target_kind
from pixleak.testing.worlds.records import bright_squares
from pixleak.training import Recipe
from pixleak.training.target_kinds import TARGETS
from tiny_transformers import tiny_segformer

TRUTH = LabelTruth(2)
IDS = ("a", "b", "c", "d")
IMAGES = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))

CODE = """
import torch

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.BatchNorm2d(2))

def ask(images):
    return torch.cat([images, -images], dim=1)
"""


def _module(root: Path) -> dict[str, object]:
    return {"module": f"{root / 'code.py'}:make"}


def _function(root: Path) -> dict[str, object]:
    return {"function": f"{root / 'code.py'}:ask"}


def _weights(root: Path) -> dict[str, object]:
    method, records = Recipe(network="tiny", epochs=1), bright_squares(4)
    method.save(method.train(records, seed=0), records, root / "model.safetensors")
    return {"weights": root / "model.safetensors"}


def _predictions(root: Path) -> dict[str, object]:
    (root / "preds").mkdir()
    for i, key in enumerate(IDS):
        np.save(root / "preds" / f"{key}.npy", np.random.default_rng(i).normal(size=(2, 8, 8)))
    return {"predictions": root / "preds"}


def _torchscript(root: Path) -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(_net().eval()), root / "m.ts")
    return {"torchscript": root / "m.ts"}


def _exported(root: Path) -> dict[str, object]:
    torch.export.save(torch.export.export(_net().eval(), (IMAGES[:3],)), root / "m.pt2")
    return {"exported": root / "m.pt2"}


def _onnx(root: Path) -> dict[str, object]:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(_net().eval(), (IMAGES[:3],), root / "m.onnx", dynamo=False)
    return {"onnx": root / "m.onnx"}


def _huggingface(root: Path) -> dict[str, object]:
    transformers = pytest.importorskip("transformers")
    return {"huggingface": tiny_segformer(transformers, root / "model", channels=1)}


SETTINGS: dict[str, Callable[[Path], dict[str, object]]] = {
    "module": _module,
    "function": _function,
    "weights": _weights,
    "predictions": _predictions,
    "torchscript": _torchscript,
    "exported": _exported,
    "onnx": _onnx,
    "huggingface": _huggingface,
}


ENDPOINTS = {"http", "kserve"}
"""Kinds that are checked against a real server."""


@pytest.mark.parametrize("name", sorted(set(TARGETS) - ENDPOINTS))
def test_kinds_of_target_keep_the_contract(name: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(CODE)
    kind = TARGETS[name].model_validate(SETTINGS[name](tmp_path))
    check_target_kind(kind, TRUTH, Access.LOGIT, IMAGES, ids=IDS)


def test_a_plain_endpoint_keeps_the_contract() -> None:
    with serving(Service()) as service:
        kind = HttpEndpoint(service.url, batch=3)
        check_target_kind(kind, TRUTH, Access.PROBABILITY, IMAGES)


def test_a_kserve_endpoint_keeps_the_contract() -> None:
    with serving(kserve_service(), "/v2/models/m") as service:
        check_target_kind(KServe(service.url, batch=3), TRUTH, Access.PROBABILITY, IMAGES)


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv2d(1, 2, 1)


def test_targets_keep_the_contract() -> None:
    module = ModuleTarget(_net(), TRUTH, Access.LOGIT)
    check_target(module, IMAGES)
    check_target(restricted(module, Access.LABEL), IMAGES)
    check_target(FunctionTarget(lambda x: torch.cat([x, -x], 1), TRUTH, Access.LOGIT), IMAGES)


class Sound(Target):
    """What a target should be."""

    def __init__(self) -> None:
        super().__init__(TRUTH, Access.LOGIT, "sound")

    def _query(self, images: Tensor) -> object:
        return torch.cat([images, -images], dim=1)


class Coupled(Sound):
    """Breaks the contract: standardises over the batch."""

    def _query(self, images: Tensor) -> object:
        return torch.cat([images - images.mean(), images], dim=1)


class Noisy(Sound):
    """Answers otherwise each time, which may be said."""

    def _query(self, images: Tensor) -> object:
        return torch.cat([images + torch.randn_like(images), images], dim=1)


class Fickle(Sound):
    """Breaks the contract: has a new identity each time."""

    asked = 0

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any] | None:
        self.asked += 1
        return {"asked": self.asked}


class Unreasonable(Sound):
    """Breaks the contract: has no twin, and does not say why."""

    def untrained(self, seed: int) -> Target | Untwinned:
        return Untwinned("")


class Copying(Sound):
    """Breaks the contract: its twin has its weights."""

    def untrained(self, seed: int) -> Target | Untwinned:
        return Copying()


def test_a_sound_target_passes_and_so_does_one_that_says_it_varies() -> None:
    check_target(Sound(), IMAGES)
    check_target(Noisy(), IMAGES, varies=True)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (Coupled(), "depends on the other images"),
        (Noisy(), "a query moves torch's generator"),
        (Fickle(), "asked again, it has another identity"),
        (Unreasonable(), "says no reason"),
        (Copying(), "its twin has its trained weights"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(target: Target, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_target(target, IMAGES)
