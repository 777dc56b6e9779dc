"""A training function of the user's own: what it is given, what may come of it, and what not."""

from __future__ import annotations

import functools
import importlib.util
import logging
import random
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

import own_training
from own_training import Small
from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.training import TrainingFunction
from pixleak.training.jobs import TrainingJob, finished, train_all
from pixleak.training.own.alike import check_different
from pixleak.training.own.given_code import beside_code
from pixleak.training.own.training_set import TrainingSet
from toy_records import bright_squares

RECORDS = bright_squares(6)


def trained(function: Callable[..., Any], **options: Any) -> nn.Module:
    return TrainingFunction(function=function, **options).train(RECORDS, seed=3).module


def test_records_are_a_dataset_of_torch_whose_items_are_ones_own(tmp_path: Path) -> None:
    given = TrainingSet(RECORDS, tmp_path / "read")
    assert (len(given), given.classes, given.image_shape) == (6, 2, tuple(RECORDS[0].image.shape))
    assert given.ids == tuple(RECORDS.ids)
    assert given.truth_kind == RECORDS.truth
    assert not given.was_read
    image, truth = given[-1]
    assert given.was_read
    assert torch.equal(image, RECORDS[5].image)
    assert truth.dtype == torch.int64
    image.zero_()
    assert not torch.equal(given[5][0], image)
    assert len(list(given)) == 6
    with pytest.raises(IndexError):
        given[6]
    with pytest.raises(TypeError, match="one at a time"):
        given[0:2]  # type: ignore[index]


def test_records_read_in_a_loaders_process_count_as_read(tmp_path: Path) -> None:
    given = TrainingSet(RECORDS, tmp_path / "read")
    batches = list(DataLoader(given, batch_size=3, num_workers=1))
    assert [tuple(images.shape) for images, _ in batches] == [(3, 1, 8, 8)] * 2
    assert given.was_read


def test_it_is_given_what_it_asks_for(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    told: list[tuple[int, float]] = []

    def train(records: Any, seed: int, folder: Path, device: str, progress: Any, lr: float) -> Any:
        seen.update(seed=seed, device=device, lr=lr, folder=folder, count=len(list(records)))
        (folder / "state").write_text("half")
        progress(1, torch.tensor(0.5))
        return Small()

    method = TrainingFunction(function=train, options={"lr": 0.1})
    found = method.train(
        RECORDS,
        seed=2**40 + 7,
        partial=tmp_path / "w.partial",
        on_epoch=lambda epoch, loss: told.append((epoch, loss)),
    )
    assert seen == {
        "seed": 7,
        "device": "cpu",
        "lr": 0.1,
        "count": 6,
        "folder": tmp_path / "w.partial-folder",
    }
    assert told == [(1, 0.5)]
    assert found.epoch_losses == (0.5,)
    assert (tmp_path / "w.partial-folder" / "state").read_text() == "half"


def test_every_global_generator_is_seeded_and_put_back() -> None:
    drawn: list[tuple[float, ...]] = []

    def train(records: Any, seed: int) -> nn.Module:
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))  # noqa: NPY002
        return Small(*map(int, records[0][0].shape[:1]))

    state = torch.get_rng_state(), random.getstate(), np.random.get_state()[2]  # noqa: NPY002
    method = TrainingFunction(function=train)
    for seed in (1, 1, 2):
        method.train(RECORDS, seed=seed)
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[0], drawn[2], strict=True))
    assert torch.equal(torch.get_rng_state(), state[0])
    assert (random.getstate(), np.random.get_state()[2]) == state[1:]  # noqa: NPY002


def _returning(result: Callable[[], Any]) -> Callable[[Any, int], Any]:
    def train(records: Any, seed: int) -> Any:
        records[0]
        return result()

    return train


def _infinite() -> nn.Module:
    module = Small()
    nn.init.constant_(module.first.weight, float("nan"))
    return module


def _raising() -> None:
    raise ValueError("the learning rate is missing")


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda: None, "returned nothing: end it with `return model`"),
        (lambda: Small, "returned the class Small: return the object that was trained"),
        (lambda: Small().state_dict(), "returned a state dict: return the module that holds it"),
        (lambda: (0.5, Small()), "returned a tuple: return its entry 1 alone"),
        (lambda: 3, "returned a int"),
        (lambda: nn.Softmax(1), "returned a Softmax without parameters"),
        (_infinite, "weights 'first.weight' are not finite: its training diverged"),
        (lambda: Small(outputs=3), "cannot be audited: target 'module' answered with shape"),
        (lambda: Small(channels=2), "cannot be audited: .*RuntimeError"),
        (
            lambda: nn.Sequential(Small(), nn.Softmax(1)),
            "answers with what look like probabilities, not logits: set answers: probability",
        ),
        (_raising, r"fails with ValueError: the learning rate is missing \(.*function.py, line"),
        (lambda: exec("raise SystemExit(2)"), "fails with SystemExit: 2"),
    ],
)
def test_one_sentence_says_what_is_wrong_with_what_it_did(
    result: Callable[[], Any], told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        trained(_returning(result))
    assert "\n" not in str(caught.value)


def test_a_training_that_reads_no_record_is_refused() -> None:
    with pytest.raises(InputError, match="read none of the 6 records that it was given"):
        trained(lambda records, seed: Small())


def test_the_loss_that_it_reports_must_be_a_finite_number() -> None:
    def train(records: Any, seed: int, progress: Any, loss: Any = None) -> nn.Module:
        progress(2, loss)
        return Small()

    with pytest.raises(InputError, match=r"diverged in epoch 2: its loss became nan"):
        trained(train, options={"loss": "nan"})
    with pytest.raises(InputError, match=r"must call progress\(epoch, loss\) with two numbers"):
        trained(train)


@pytest.mark.parametrize(
    ("function", "options", "told"),
    [
        (lambda records: None, {}, r"takes records, but is called with records and seed: define"),
        (lambda records, seed, lr: None, {}, "needs an argument 'lr', which nobody gives"),
        (lambda records, seed, lr: None, {"Lr": 1}, "options: Lr is no argument of it.*'lr'"),
        (lambda records, seed, device: None, {"device": 1}, "device is given to it by pixleak"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_at_once(
    function: Callable[..., Any], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        TrainingFunction(function=function, options=options)


def test_options_are_plain_values_and_other_objects_are_bound() -> None:
    def train(records: Any, seed: int, make: Callable[[], nn.Module]) -> nn.Module:
        records[0]
        return make()

    with pytest.raises(InputError, match=r"make is a type; options are numbers, .*partial"):
        TrainingFunction(function=train, options={"make": Small})
    bound = functools.partial(train, make=Small)
    assert isinstance(trained(bound), Small)
    assert TrainingFunction(function=bound) == TrainingFunction(
        function=functools.partial(train, make=Small)
    )


def test_probabilities_are_taken_where_they_are_declared() -> None:
    method = TrainingFunction(
        function=_returning(lambda: nn.Sequential(Small(), nn.Softmax(1))), answers="probability"
    )
    assert method.answers_with is Access.PROBABILITY
    method.train(RECORDS, seed=0)
    wrong = TrainingFunction(function=_returning(Small), answers="probability")
    with pytest.raises(InputError, match="look like logits, not probabilities: set answers: logit"):
        wrong.train(RECORDS, seed=0)


def test_a_compiled_module_is_taken_out_of_its_wrapper() -> None:
    module = Small()
    assert trained(_returning(lambda: nn.DataParallel(module))) is module


FILE = """
    import torch
    from torch import nn
    from parts import Net


    def train(records, seed):
        import later
        for image, truth in records:
            pass
        print("seen", len(records))
        return Net(later.WIDTH)
"""


def _added(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(textwrap.dedent(FILE))
    (tmp_path / "parts.py").write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self, width):\n        super().__init__(nn.Conv2d(1, width, 1))\n"
    )
    (tmp_path / "later.py").write_text("WIDTH = 2\n")
    return tmp_path


def test_a_function_in_a_file_is_trained_in_a_process_with_modules_beside_it(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    method = TrainingFunction(function=f"{folder}/train.py:train")
    job = TrainingJob("mine", method, RECORDS, 5, folder / "w.safetensors")
    with caplog.at_level(logging.WARNING, logger="pixleak"):
        (model,) = train_all([job], workers=1)
    assert [record.getMessage() for record in caplog.records] == ["mine: seen 6"]
    back = method.load(model.path)
    assert type(back).__name__ == "Net"
    assert not back.training
    assert finished(job) == model
    again = TrainingFunction(function=f"{folder}/train.py:train")
    assert again == method
    assert finished(TrainingJob("mine", again, RECORDS, 5, job.path)) == model
    (folder / "later.py").write_text("WIDTH = 2  # as before\n")
    changed = TrainingFunction(function=f"{folder}/train.py:train")
    assert changed.code != method.code
    assert finished(TrainingJob("mine", changed, RECORDS, 5, job.path)) is None


def test_code_that_changes_under_way_is_not_trained_with(folder: Path) -> None:
    method = TrainingFunction(function=f"{folder}/train.py:train")
    _added(folder / "train.py", "\nEPOCHS = 3\n")
    with pytest.raises(InputError, match=r"code of train.py:train was changed while models were"):
        method.train(RECORDS, seed=0)


def test_a_written_method_is_read_back_and_refuses_other_code(folder: Path) -> None:
    method = TrainingFunction(function=f"{folder}/train.py:train")
    assert dict(method.written) == {"function": f"{folder}/train.py:train", "code": method.code}
    assert method.identity["function"] == "train.py:train"  # wherever the folder is
    assert TrainingFunction(**method.written) == method
    _added(folder / "parts.py", "\n# more\n")
    with pytest.raises(InputError, match="no longer the code that was run then"):
        TrainingFunction(**method.written)


def test_an_untrained_twin_is_made_or_the_reason_is_said() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

    def twin(module: nn.Module, **options: Any) -> nn.Module | str:
        method = TrainingFunction(function=own_training.train, **options)
        return method.untrained_twin(lambda: module, 1, LabelTruth(2), (16, 16), 5)

    module = Small()
    again = twin(module)
    assert isinstance(again, Small)
    assert not torch.equal(again.first.weight, module.first.weight)
    told = twin(Fixed())
    assert isinstance(told, str)
    assert "train returns has parameters that no reset_parameters() sets" in told
    assert isinstance(twin(Fixed(), make=Small), Small)


def test_make_must_make_the_module_that_is_trained(tmp_path: Path) -> None:
    method = TrainingFunction(function=own_training.train, make=lambda: Small(outputs=3))
    result = method.train(RECORDS, seed=0)
    with pytest.raises(InputError, match=r"make: .* other weights .* first 'second.weight'"):
        method.save(result, RECORDS, tmp_path / "w.safetensors")
    for make, told in ((lambda: 1 / 0, "fails with ZeroDivisionError"), (dict, "returned a dict")):
        broken = TrainingFunction(function=own_training.train, make=make)
        with pytest.raises(InputError, match=rf"make: .*{re.escape(told)}"):
            broken.made()


def test_models_that_come_out_the_same_whatever_they_are_given_are_refused(tmp_path: Path) -> None:
    module = Small()
    method = TrainingFunction(function=_returning(lambda: module))
    more = bright_squares(12)
    jobs = [
        TrainingJob(name, method, more.select(ids), seed, tmp_path / f"{name}.safetensors")
        for name, ids, seed in (("target", more.ids[:6], 1), ("shadow", more.ids[6:], 2))
    ]
    train_all(jobs, workers=0)
    with pytest.raises(InputError, match="the same weights for 'target' and 'shadow'"):
        check_different(jobs)
    check_different(jobs[:1])
    other = TrainingFunction(function=own_training.train)
    good = [
        TrainingJob(job.name, other, job.records, job.seed, tmp_path / f"{job.name}2.safetensors")
        for job in jobs
    ]
    train_all(good, workers=0)
    check_different(good)


def test_modules_beside_every_file_that_is_named_can_be_imported(tmp_path: Path) -> None:
    codes = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"beside_{name}.py").write_text("VALUE = 1\n")
        (folder / "code.py").write_text("def call(): ...\n")
        codes.append(f"{folder / 'code.py'}:call")
    before = list(sys.path)
    with beside_code(*codes):
        assert sys.path[:2] == [str(tmp_path / "first"), str(tmp_path / "second")]
        for name in ("first", "second"):
            assert importlib.util.find_spec(f"beside_{name}") is not None
    assert sys.path == before
    with beside_code():
        assert sys.path == before
