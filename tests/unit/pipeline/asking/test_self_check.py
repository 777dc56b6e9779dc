"""What a target is asked before anything is spent, and what each answer leads to."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

import pixleak
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.request.target import TargetModel

MEAN, STD = 0.449, 0.226
QUICK = pixleak.Evaluation(replicates=100)
THRESHOLDS = pixleak.Attacker(signals=["cross-entropy"], attacks=[])


def _square(i: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(i)
    top, left = torch.randint(0, 9, (2,), generator=generator).tolist()
    truth = torch.zeros(16, 16, dtype=torch.int64)
    truth[top : top + 7, left : left + 7] = 1
    image = 0.3 + 0.4 * truth[None] + 0.05 * torch.rand(1, 16, 16, generator=generator)
    return image.float(), truth


@cache
def squares() -> tuple[Records, Records]:
    """Members and non-members: bright squares on a dark ground."""
    keys = [RecordKey(f"r{i:02}") for i in range(60)]
    records = Records(keys, _square, pixleak.LabelTruth(2), "squares")
    return records.select(records.ids[::2]), records.select(records.ids[1::2])


def bright(images: Tensor) -> Tensor:
    """(b, 2, h, w) logits of a model that finds the squares, trained on normalised images."""
    found = 40 * (0.35 - (images - (0.725 - MEAN) / STD).abs())
    return torch.cat([-found, found], dim=1)


def audited(model: Any, access: str | None = None, **kwargs: Any) -> pixleak.AuditReport:
    inside, outside = squares()
    attacker = None if access == "label" else THRESHOLDS
    return pixleak.audit(
        model, inside, outside, access=access, evaluation=QUICK, attacker=attacker, **kwargs
    )


def normalised(images: Tensor) -> Tensor:
    return (images - MEAN) / STD


def test_a_model_that_is_asked_as_it_was_trained_can_be_cleared() -> None:
    report = audited(TargetModel(model=bright, input={"mean": MEAN, "std": STD}))
    controls = {control.name: control for control in report.controls}
    for name in ("image-dependence", "repeatable-answers", "working-target"):
        assert controls[name].passed, controls[name].explanation
    assert report.verdict.answer != "leak"


def test_a_model_that_was_trained_on_normalised_images_is_not_asked_about_plain_ones() -> None:
    with pytest.raises(InputError, match=r"as for ImageNet: set TargetModel\(input=\{'mean"):
        audited(bright)


@pytest.mark.parametrize(
    ("answers", "access", "told"),
    [
        (lambda x: (bright(x) / 20).softmax(1)[:, 1:], "logit", "look like probabilities"),
        (lambda x: bright(x).sigmoid() * 0.9, "logit", "a sigmoid for each class"),
        (lambda x: bright(x).argmax(1), "logit", "set access to label"),
        (lambda x: bright(x).argmax(1) * 255, "logit", r"\[0, 255\]"),
        (lambda x: bright(x).argmax(1) * 255, "label", r"\[0, 255\]"),
        (lambda x: bright(x).argmax(1).float(), "probability", "set access to label"),
        (lambda x: (200 * x[:, 0].sigmoid()).round(), "logit", "look like bytes or labels"),
        (lambda x: (200 * x[:, 0].sigmoid()).round(), "probability", "look like bytes"),
        (lambda x: bright(x).flip(1), "logit", "the two classes are exchanged"),
        (lambda x: bright(x).softmax(1)[:, :1], "probability", "the two classes are exchanged"),
    ],
)
def test_answers_that_are_not_what_was_declared_are_refused(
    answers: Callable[[Tensor], Tensor], access: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        audited(lambda images: answers(normalised(images)), access)


def test_answers_that_are_all_alike_reveal_nothing() -> None:
    module = nn.Conv2d(1, 2, 1)
    nn.init.zeros_(module.weight)
    nn.init.constant_(module.bias, -1.5)

    def constant(images: Tensor) -> Tensor:
        return module(images) + 1e-7 * images

    report = audited(constant)
    assert report.verdict.answer == "cannot-tell"
    assert "does not look at the image" in report.verdict.sentence


def test_a_model_that_does_not_do_its_job_is_never_cleared() -> None:
    torch.manual_seed(0)
    report = audited(nn.Conv2d(1, 2, 3, padding=1))
    assert report.verdict.answer == "cannot-tell"
    assert "does not do its job better than a constant answer" in report.verdict.sentence


def test_random_answers_clear_nobody() -> None:
    def dropping(images: Tensor) -> Tensor:
        return nn.functional.dropout(bright(normalised(images)), 0.2)

    report = audited(dropping)
    failed = [control.name for control in report.controls if control.passed is False]
    assert "repeatable-answers" in failed
    assert report.verdict.answer == "cannot-tell"


def test_answers_that_depend_on_their_batch_are_refused() -> None:
    def standardising(images: Tensor) -> Tensor:
        return bright(normalised(images)) * (1 + 0.1 * len(images))

    with pytest.raises(InputError, match=r"set Run\(batch_size=...\) to 1"):
        audited(standardising)
    inside, outside = squares()
    one = pixleak.audit(
        standardising, inside, outside, evaluation=QUICK, out=pixleak.Run(batch_size=1)
    )
    assert one.controls


class Augmented(Dataset[Any]):
    """Adds noise at every access."""

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, truth = _square(index)
        return image + 0.01 * torch.rand_like(image), truth


def test_a_data_set_that_changes_from_read_to_read_is_refused() -> None:
    _, outside = squares()
    with pytest.raises(InputError, match="differs when it is read a second time"):
        pixleak.audit(bright, Augmented(), outside, classes=2)


def _picture(i: int) -> tuple[Tensor, Tensor]:
    image, _ = _square(i)
    return image, 0.9 * image


def test_a_generator_whose_range_is_another_one_is_refused_with_the_cure() -> None:
    keys = [RecordKey(f"r{i:02}") for i in range(60)]
    records = Records(keys, _picture, ImageTruth(1), "pictures")
    inside, outside = records.select(records.ids[:30]), records.select(records.ids[30:])

    def tanh(images: Tensor) -> Tensor:
        return 2 * (0.9 * images) - 1

    with pytest.raises(InputError, match=r"TargetModel\(output=\{'range': ...\}\).*\[-1, 1\]"):
        pixleak.audit(tanh, inside, outside, evaluation=QUICK)
    report = pixleak.audit(
        TargetModel(model=tanh, output={"range": [-1, 1]}),
        inside,
        outside,
        evaluation=QUICK,
        attacker=pixleak.Attacker(signals=["l1-error"], attacks=[], difficulties=[]),
    )
    working = next(one for one in report.controls if one.name == "working-target")
    assert working.passed, working.explanation


def test_questions_are_not_answered_by_a_model_that_ignores_its_input() -> None:
    inside, outside = squares()

    def constant(images: Tensor) -> Tensor:
        return torch.full((len(images), 2, 16, 16), 0.5) * torch.tensor([1.0, -1.0])[:, None, None]

    one = inside.select(inside.ids[:1])
    assert pixleak.query(constant, one, outside).answer == "cannot-tell"
    found = pixleak.set_test(constant, inside, outside, permutations=100)
    assert found.answer == "cannot-tell"
    assert "does not look at the image" in found.sentence
