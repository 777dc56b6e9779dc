"""A network, loss or optimizer of the user's own inside a recipe."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn import functional

import own_training
from own_training import Small
from pixleak.core.errors import InputError
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request
from pixleak.testing import check_training_method
from pixleak.training import Recipe
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.loop.losses import cross_entropy
from pixleak.training.loop.own_steps import own_losses
from pixleak.training.own.own_code import OwnLoss
from toy_records import bright_squares

RECORDS = bright_squares(8)
ANSWERS = torch.randn(5, 2, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
TRUTHS = torch.stack([record.truth for record in bright_squares(5)])


def recipe(**given: Any) -> Recipe:
    return Recipe(**({"network": "tiny", "epochs": 1, "batch_size": 4} | given))


def per_image(answers: Tensor, truths: Tensor) -> Tensor:
    return functional.cross_entropy(answers, truths, reduction="none").flatten(1).mean(dim=1)


def of_the_batch(answers: Tensor, truths: Tensor) -> Tensor:
    return functional.cross_entropy(answers, truths)


def of_monai(answers: Tensor, truths: Tensor) -> Tensor:
    loss = DiceLoss(to_onehot_y=True, softmax=True, reduction="none")
    found: Tensor = loss(answers, truths[:, None])
    return found


def made(in_channels: int, num_classes: int, width: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, num_classes, 1)
    )


def test_a_recipe_with_parts_of_the_users_own_keeps_the_contract() -> None:
    optimizer = functools.partial(torch.optim.RMSprop, momentum=0.5)
    check_training_method(recipe(network=Small, loss=of_the_batch, optimizer=optimizer))


@pytest.mark.slow
def test_parts_in_files_are_trained_in_a_process(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("RATE = 0.5\n")
    (tmp_path / "parts.py").write_text(
        "import torch\nfrom torch import nn\nfrom beside import RATE\n\n"
        "def net(channels, classes):\n    return nn.Conv2d(channels, classes, 1)\n\n"
        "class Loss(nn.Module):\n    def forward(self, answers, truths):\n"
        "        return nn.functional.cross_entropy(answers, truths)\n\n"
        "def sgd(parameters, lr):\n    return torch.optim.SGD(parameters, lr * RATE)\n"
    )
    names = {"network": "net", "loss": "Loss", "optimizer": "sgd"}
    request = parse_request(
        {
            "records": {"reader": "phantom"},
            "target": {"recipe": {key: f"parts.py:{name}" for key, name in names.items()}},
        },
        base=tmp_path,
    )
    method = request.target.training.model_copy(update={"epochs": 1})
    assert method.description.startswith("parts.py:net, parts.py:Loss, 1 epochs, batch 8, parts.py")
    job = TrainingJob("mine", method, RECORDS, 3, tmp_path / "w.safetensors")
    (model,) = train_all([job], workers=1)
    back = method.load(model.path).state_dict()
    here = method.train(RECORDS, seed=3).module.state_dict()
    assert all(torch.equal(value, here[key]) for key, value in back.items())
    (tmp_path / "beside.py").write_text("RATE = 0.25\n")
    with pytest.raises(InputError, match=r"optimizer parts.py:sgd was changed|network parts.py"):
        method.train(RECORDS, seed=3)


def test_what_is_written_is_read_back_and_refuses_other_code(tmp_path: Path) -> None:
    path = tmp_path / "parts.py"
    path.write_text("from own_training import Small\n\ndef loss(answers, truths): ...\n")
    given = {
        "network": {"name": f"{path}:Small", "options": {"channels": 1}},
        "loss": f"{path}:loss",
        "epochs": 2,
    }
    method = Recipe(**given)  # type: ignore[arg-type]
    written = json.loads(json.dumps(dict(method.written)))
    assert Recipe(**written).identity == method.identity
    assert method.identity["loss"]["name"] == "parts.py:loss"
    assert method.identity["network"]["name"] == "parts.py:Small"
    path.write_text(path.read_text() + "\n# more\n")
    assert Recipe(**given).identity != method.identity  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no longer the code that was run then"):
        Recipe(**written)


def test_a_usual_recipe_is_known_by_what_it_was_known_by_before() -> None:
    assert dict(recipe().identity) == {
        "network": {"name": "tiny", "options": {"width": 8, "layers": 2}},
        "loss": "dice+ce",
        "adversary": None,
        "epochs": 1,
        "batch_size": 4,
        "lr": 0.001,
        "optimizer": "adam",
        "weight_decay": 0.0,
        "schedule": "cosine",
        "augment": "none",
    }
    assert recipe().written == recipe().identity


@pytest.mark.parametrize("loss", [per_image, of_the_batch])
def test_a_loss_is_one_number_per_image_however_it_is_written(loss: Callable[..., Tensor]) -> None:
    found = own_losses(loss, ANSWERS, TRUTHS, OwnLoss(name=loss))
    torch.testing.assert_close(found, cross_entropy(ANSWERS, TRUTHS, RECORDS.truth))  # type: ignore[arg-type]
    alone = own_losses(loss, ANSWERS[:1], TRUTHS[:1], OwnLoss(name=loss))
    torch.testing.assert_close(alone, found[:1])


def test_a_loss_of_monai_per_image_is_the_mean_over_classes() -> None:
    found = own_losses(of_monai, ANSWERS, TRUTHS, OwnLoss(name=of_monai))
    for i in range(5):
        one = DiceLoss(to_onehot_y=True, softmax=True)(ANSWERS[i : i + 1], TRUTHS[i : i + 1, None])
        torch.testing.assert_close(found[i], one)


def test_channels_are_given_by_the_names_that_a_network_has_for_them() -> None:
    module = recipe(network={"name": made, "options": {"width": 6}}).untrained(
        3, RECORDS.truth, (8, 8), 0
    )
    assert isinstance(module, nn.Sequential)
    assert [(one.in_channels, one.out_channels) for one in (module[0], module[2])] == [
        (3, 6),
        (6, 2),
    ]


def _wrong(**given: Any) -> Callable[[], object]:
    return lambda: recipe(**given)


def _trained(**given: Any) -> Callable[[], object]:
    return lambda: recipe(**given).train(RECORDS, seed=0)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (_wrong(network=Small()), "module that is made already, but every model starts from new"),
        (_trained(network=lambda: 3), "must be a torch module, got int"),
        (_trained(network=lambda channels: nn.Conv2d(channels, 3, 1)), r"answers one image of 1 x"),
        (_trained(network=lambda: nn.Conv2d(3, 2, 1)), "fails on an image of 1 x 8 x 8 with Runt"),
        (_trained(network=lambda: 1 / 0), "fails with ZeroDivisionError"),
        (_trained(network=lambda depth: 1), "needs an argument 'depth', which nobody gives"),
        (
            _trained(network={"name": made, "options": {"widht": 3}}),
            "options: widht is no argument of it, did you mean 'width'",
        ),
        (_wrong(network={"name": made, "widht": 3}), "unknown key 'widht'"),
        (_wrong(network="nets.py:Net"), "there is no file nets.py"),
        (_wrong(loss="loss.py:mine"), "there is no file loss.py"),
        (_wrong(loss="dise"), "loss must be 'dice'"),
        (_wrong(loss=lambda answers: 1), "takes answers, but is called with answers and truths"),
        (_wrong(loss=of_the_batch, adversary="pix2pix"), "an adversary goes with the loss l1 or"),
        (_trained(loss=lambda a, t: 1.0), "must return a tensor, got float"),
        (_trained(loss=lambda a, t: torch.ones(())), "does not depend on the answers by torch's"),
        (_trained(loss=lambda a, t: a.mean(dim=0)), r"returned shape \(2, 8, 8\) for 4 images"),
        (_trained(loss=lambda a, t: a + "x"), "loss .* fails with TypeError"),
        (_wrong(optimizer=lambda parameters: 1), "does not take the learning rate of the recipe"),
        (_trained(optimizer=lambda parameters, lr: lr), "must be one of torch, got float"),
        (
            _trained(optimizer=lambda p, lr: torch.optim.SGD(p, lr), weight_decay=0.1),
            "takes no weight_decay, but the recipe has 0.1",
        ),
        (_trained(optimizer=torch.optim.LBFGS), "steps by a gradient"),
        (_trained(optimizer=lambda p, lr: 1 / 0), "optimizer .* fails with ZeroDivisionError"),
    ],
)
def test_one_sentence_says_what_is_wrong_with_a_part(call: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_defences_of_the_training_go_with_parts_of_the_users_own() -> None:
    request = AuditRequest(
        records=RECORDS,
        target={  # type: ignore[arg-type]
            "recipe": {"network": Small, "loss": of_the_batch, "epochs": 1},
            "defences": ["mix-up", "relax-loss"],
        },
    )
    assert request.target.training.network.code is not None
    assert own_training.Small is Small
