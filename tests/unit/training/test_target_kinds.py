"""What a configuration names as a model: kinds of target and training methods."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from pixel_method import PixelRegression
from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.function import FunctionTarget
from pixleak.targets.kind import TargetKind
from pixleak.targets.kinds.module import ModuleKind
from pixleak.training import METHODS, Recipe
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.target_kinds import TARGETS, method_from, target_kind_from
from toy_records import bright_squares

LABELS = LabelTruth(2)
CODE = """
from torch import nn

def make():
    return nn.Conv2d(1, 2, 1)

def ask(images):
    return images.new_zeros(len(images), 2, *images.shape[2:])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(CODE)
    torch.manual_seed(0)
    torch.save(nn.Conv2d(1, 2, 1).state_dict(), tmp_path / "w.pt")
    return tmp_path


def test_every_kind_has_a_field_of_its_key() -> None:
    assert list(TARGETS)[:3] == ["module", "function", "weights"]
    for name, kind in TARGETS.items():
        assert kind.name == name
        assert name in kind.model_fields
        assert kind.summary


def test_a_module_with_a_checkpoint_relative_to_the_configuration(folder: Path) -> None:
    kind = target_kind_from({"module": "model.py:make", "checkpoint": "w.pt"}, {"base": folder})
    assert kind == ModuleKind(module=f"{folder}/model.py:make", checkpoint=folder / "w.pt")
    target = kind.open(LABELS, Access.LOGIT)
    torch.manual_seed(0)
    same = nn.Conv2d(1, 2, 1)
    images = torch.rand(2, 1, 3, 3)
    assert torch.equal(target.predict(images).values, same(images).detach())


def test_a_function(folder: Path) -> None:
    target = target_kind_from({"function": f"{folder}/model.py:ask"}).open(LABELS, Access.LOGIT)
    assert target.predict(torch.rand(2, 1, 3, 3)).values.abs().max() == 0
    assert target.untrained(0) == Untwinned("a function has no weights to take away")


def test_weights_of_a_recipe(tmp_path: Path) -> None:
    recipe = Recipe(network="tiny", epochs=1)
    job = TrainingJob("mine", recipe, bright_squares(4), 0, tmp_path / "w.safetensors")
    train_all([job])
    kind = target_kind_from({"weights": "w.safetensors"}, {"base": tmp_path})
    images = torch.rand(2, 1, 8, 8)
    answer = kind.open(LABELS, Access.LOGIT).predict(images).values
    assert torch.equal(answer, recipe.load(job.path)(images).detach())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "onnx, huggingface, predictions, http, kserve; got none"),
        (
            {"module": "a.py:b", "function": "a.py:c"},
            "huggingface, predictions, http, kserve; got module and function",
        ),
        ({"modul": "a.py:b"}, "target: unknown key 'modul', did you mean 'module'? Known: "),
        ({"recipy": {}}, "target: unknown key 'recipy', did you mean 'recipe'?"),
        (
            {"module": "a.py:b", "chekpoint": "w.pt"},
            "target: unknown key 'chekpoint', did you mean 'checkpoint'?",
        ),
        (
            {"function": "a.py:b", "acess": "label"},
            "target: unknown key 'acess', did you mean 'access'? Known: access, function",
        ),
        (
            {"module": "a.py:b", "allow_pickle": "perhaps"},
            "target: allow_pickle must be a valid boolean, unable to interpret input, got "
            "'perhaps'",
        ),
    ],
)
def test_kinds_that_cannot_be_read(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        target_kind_from(content, beside=["access"])


class Constant(TargetKind):
    """Somebody else's kind: the same answer everywhere."""

    name: ClassVar[str] = "constant"
    summary: ClassVar[str] = "the same answer everywhere"

    constant: float
    sign: int = 1

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        assert isinstance(truth, LabelTruth)
        value, classes = self.sign * self.constant, truth.classes
        return FunctionTarget(
            lambda images: images.new_full((len(images), classes, *images.shape[2:]), value),
            truth,
            access,
        )


def test_a_kind_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS._entries, "constant", Constant)
    target = target_kind_from({"constant": 2.5, "sign": -1}).open(LABELS, Access.LOGIT)
    assert target.predict(torch.rand(1, 1, 2, 2)).values.unique().tolist() == [-2.5]
    with pytest.raises(InputError, match="unknown key 'sing', did you mean 'sign'"):
        target_kind_from({"constant": 2.5, "sing": -1})


def test_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = method_from({"recipe": {"network": "tiny", "epochs": 3}})
    assert recipe == Recipe(network="tiny", epochs=3)
    assert method_from({"recipe": recipe}) is recipe
    assert method_from({"recipe": None}) == Recipe()
    monkeypatch.setitem(METHODS._entries, "pixel-regression", PixelRegression)
    assert method_from({"pixel-regression": {"rounds": 2}}) == PixelRegression(rounds=2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"recipe": {"epochz": 3}}, "shadow.recipe: unknown key 'epochz', did you mean 'epochs'?"),
        ({"recipe": {"epochs": 0}}, "shadow.recipe: epochs must be at least 1, got 0"),
        ({"recipe": {"network": "unett"}}, "shadow.recipe: network.name: unknown name 'unett'"),
        (
            {"recipe": {"adversary": {"widht": 4}}},
            "shadow.recipe: unknown key 'adversary.widht', did you mean 'width'?",
        ),
        ({"recipe": "unet"}, "shadow.recipe: expected settings with values, got 'unet'"),
        ({"recipes": {}}, "shadow: unknown key 'recipes', did you mean 'recipe'?"),
        ({}, "shadow needs exactly one of recipe; got none"),
    ],
)
def test_methods_that_cannot_be_read(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        method_from(content, where="shadow")
