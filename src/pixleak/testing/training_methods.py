"""Checks that a training method keeps its contract.

For authors of training methods, here and elsewhere::

    from pixleak.testing import check_training_method

    def test_my_method():
        check_training_method(MyMethod(epochs=1))

Passing them is necessary and not sufficient: test that a model learns what it is trained on.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.testing.common import assert_kebab_case
from pixleak.testing.worlds.records import bright_squares
from pixleak.training.method import TrainingMethod
from pixleak.training.trained import Trained


def check_training_method(method: TrainingMethod, records: Records | None = None) -> None:
    """Run every contract check.

    Args:
        method: with settings that train quickly.
        records: to train on, all of one size; None: 12 label maps of 16 x 16 with two classes.

    Raises:
        AssertionError: with the check that failed, and how.
        InputError: the records cannot be trained on.
    """
    records = bright_squares(12, (16, 16)) if records is None else records
    check_description(method)
    trained = check_training(method, records)
    check_untrained(method, records, trained)
    check_storage(method, records, trained)


def check_description(method: TrainingMethod) -> None:
    """It says what it is, and is known by plain JSON; it can be sent to worker processes."""
    name = method.name
    assert_kebab_case(name)
    for field in ("summary", "description", "label"):
        assert getattr(method, field).strip(), f"{name}: {field} is empty"
    assert method.model_config.get("frozen"), f"{name}: its settings can be changed"
    json.dumps(dict(method.identity))
    assert pickle.loads(pickle.dumps(method)) == method, f"{name}: pickling changes it"
    trial = method.trial()
    if trial is not None:
        short, count = trial
        assert isinstance(short, TrainingMethod), f"{name}: its trial is no training method"
        assert count > 0, f"{name}: its trial is timed on {count} records"


def check_untrained(method: TrainingMethod, records: Records, trained: Trained) -> None:
    """A seed gives one untrained model, and torch's generator stays as it was."""
    name, state = method.name, torch.get_rng_state()
    first, second, other = (_untrained(method, records, trained, seed) for seed in (0, 0, 1))
    moved = not torch.equal(torch.get_rng_state(), state)
    assert not moved, f"{name}: an untrained model moves torch's generator"
    assert _same(first, second), f"{name}: one seed gives two untrained models"
    assert not _same(first, other), f"{name}: two seeds give one untrained model"
    _answers(method, first.eval(), records)


def check_training(method: TrainingMethod, records: Records) -> Trained:
    """One seed gives one model, in evaluation mode, with the shape that it had untrained."""
    name, state = method.name, torch.get_rng_state()
    told: list[int] = []
    trained = method.train(records, seed=3, on_epoch=lambda epoch, loss: told.append(epoch))
    assert torch.equal(torch.get_rng_state(), state), f"{name}: training moves torch's generator"
    assert _same(trained.module, method.train(records, seed=3).module), (
        f"{name}: training twice from one seed gives two models"
    )
    assert not trained.module.training, f"{name}: the module is left in training mode"
    assert trained.seconds >= 0, f"{name}: it took {trained.seconds} seconds"
    if method.steps is not None:
        assert len(told) == method.steps, f"{name}: it reports {len(told)} of {method.steps} epochs"
    blank = _untrained(method, records, trained, 3)
    assert _shapes(trained.module) == _shapes(blank), (
        f"{name}: the trained model has another architecture than the untrained one"
    )
    assert not _same(trained.module, blank), f"{name}: training changes no weight"
    _answers(method, trained.module, records)
    json.dumps(dict(trained.facts))
    return trained


def check_storage(method: TrainingMethod, records: Records, trained: Trained) -> None:
    """What is saved and loaded again is the same model, in the files that were announced."""
    name = method.name
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"model{method.suffix}"
        method.save(trained, records, path)
        announced = method.outputs(path)
        assert announced[0] == path, f"{name}: outputs() does not name the weights first"
        left = set(Path(folder).iterdir())
        assert left == set(announced), f"{name}: save() wrote {sorted(p.name for p in left)}"
        back = method.load(path)
    assert not back.training, f"{name}: a loaded module is in training mode"
    answers = [_answers(method, module, records) for module in (trained.module, back)]
    assert torch.equal(*answers), f"{name}: a loaded model answers otherwise"


def _untrained(method: TrainingMethod, records: Records, trained: Trained, seed: int) -> nn.Module:
    channels, height, width = records[0].image.shape
    twin = method.untrained_twin(
        lambda: trained.module, channels, records.truth, (height, width), seed
    )
    assert not isinstance(twin, str), f"{method.name}: there is no untrained model: {twin}"
    return twin


def _answers(method: TrainingMethod, module: nn.Module, records: Records) -> Tensor:
    batch = records.batch(range(min(3, len(records))))
    with torch.no_grad():
        answers: Tensor = module(batch.images)
    size, kind = batch.images.shape[2:], records.truth
    channels = kind.classes if isinstance(kind, LabelTruth) else kind.channels
    expected = (len(batch.ids), channels, *size)
    assert tuple(answers.shape) == expected, (
        f"{method.name}: a module answers with shape {tuple(answers.shape)}, not {expected}"
    )
    assert bool(answers.isfinite().all()), f"{method.name}: an answer is not finite"
    return answers


def _same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {key: value.shape for key, value in module.state_dict().items()}
