"""Which records are taught, by which labels, and that the student never sees the private ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.training.adversarial_distillation import (
    AdversarialDistillation,
)
from pixleak.defences.training.distillation import (
    Distillation,
    DistillationTrainer,
    soft_cross_entropy,
    well_predicted,
)
from pixleak.defences.training.min_max import MinMax
from pixleak.records.base import Records
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.partial import Partial
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, refused, same


def shifted(records: Records) -> Records:
    """The same keys and images with other truths: what nobody may have looked at."""
    return Records(
        records.keys,
        lambda i: (records[i].image, records[(i + 1) % len(records)].truth),
        records.truth,
        records.name,
    )


def test_well_predicted_by_hand() -> None:
    """Three images of two pixels: all right and sure, half right and surer, wrong and unsure."""
    logits = torch.tensor(
        [
            [[[-2.0, 2.0]], [[2.0, -2.0]]],
            [[[-9.0, -9.0]], [[9.0, 9.0]]],
            [[[0.1, -0.1]], [[-0.1, 0.1]]],
        ]
    )
    truths = torch.tensor([[[1, 0]], [[1, 0]], [[1, 0]]])
    of = LabelTruth(2)
    assert well_predicted(logits, truths, of, "dice", 1 / 3).tolist() == [0]
    assert well_predicted(logits, truths, of, "dice", 2 / 3).tolist() == [0, 2]
    assert well_predicted(logits, truths, of, "confidence", 1 / 3).tolist() == [1]
    assert well_predicted(logits, truths, of, "confidence", 1.0).tolist() == [0, 1, 2]
    assert well_predicted(logits, truths, of, "dice", 0.01).tolist() == [0]
    truths[0] = 7  # nothing valid: a Dice loss of 0 that says nothing
    assert well_predicted(logits, truths, LabelTruth(2, ignore=7), "dice", 1 / 3).tolist() == [2]


def test_soft_cross_entropy_by_hand_and_of_hard_labels() -> None:
    logits = torch.tensor([[[[0.0, 0.0]], [[0.0, 2.0]]]])
    taught = torch.tensor([[[[0.25, 0.0]], [[0.75, 1.0]]]])
    truths = torch.tensor([[[0, 9]]])
    half = torch.tensor(2.0).log()
    second = -functional.logsigmoid(torch.tensor(2.0))
    found = soft_cross_entropy(logits, taught, truths, LabelTruth(2))
    torch.testing.assert_close(found, ((half + second) / 2)[None])
    found = soft_cross_entropy(logits, taught, truths, LabelTruth(2, ignore=9))
    torch.testing.assert_close(found, half[None])


@pytest.mark.parametrize("by", ["dice", "confidence"])
def test_the_student_learns_the_teachers_labels_of_the_best_records(by: str) -> None:
    recipe = TINY.model_copy(update={"epochs": 12})
    records, reserve = bright_squares(12), bright_squares(8, seed=1)
    trainer = DistillationTrainer(
        recipe,
        records,
        seed=0,
        defences=(Distillation(keep=0.5, by=by),),  # type: ignore[arg-type]
        reserve=reserve,
    )
    trainer.before(None, None)
    load = feed(reserve)
    images, truths = load(torch.arange(8))
    with torch.no_grad():
        said = trainer.teacher(images)
    best = well_predicted(said, truths, LabelTruth(2), by, 0.5)
    assert trainer.records.ids == tuple(reserve.ids[i] for i in best.tolist())
    for record, position in zip(trainer.records, best.tolist(), strict=True):
        assert torch.equal(record.image, images[position])
        assert torch.equal(record.truth, said[position].argmax(dim=0))
    # The teacher is the recipe's plain model of the private records.
    truth = [r.truth for r in records]
    with torch.no_grad():
        right = trainer.teacher(torch.stack([r.image for r in records])).argmax(dim=1)
    assert (right == torch.stack(truth)).float().mean() > 0.9


def test_students_of_one_teacher_depend_on_the_reserve_alone() -> None:
    """The student is the model trained on the student records, without the private records."""
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    defence = Distillation(keep=1.0)
    student = defended(TINY, records, defence, reserve=reserve)
    assert student.facts["records distilled on"] == 6
    trainer = DistillationTrainer(TINY, records, seed=0, defences=(defence,), reserve=reserve)
    trainer.before(None, None)
    assert same(student, fit(TINY, trainer.records, seed=0))
    # Hard labels chosen by confidence never look at the reserve's truths.
    unseen = Distillation(keep=0.5, by="confidence")
    one = defended(TINY, records, unseen, reserve=reserve)
    assert same(one, defended(TINY, records, unseen, reserve=shifted(reserve)))
    soft = defended(TINY, records, Distillation(keep=1.0, soft=True), reserve=reserve)
    assert not same(soft, student)


def test_ignored_pixels_stay_ignored() -> None:
    plain = bright_squares(6, seed=1)

    def load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
        truth = plain[index].truth.clone()
        truth[0] = 255
        return plain[index].image, truth

    reserve = Records(plain.keys, load, LabelTruth(2, ignore=255), "ignoring")
    trainer = DistillationTrainer(
        TINY, reserve, seed=0, defences=(Distillation(),), reserve=reserve
    )
    trainer.before(None, None)
    assert all((r.truth[0] == 255).all() and (r.truth[1:] < 2).all() for r in trainer.records)


@pytest.mark.parametrize("soft", [False, True])
def test_goes_on_without_teaching_the_teacher_again(
    soft: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    defence = Distillation(soft=soft)
    whole = defended(TINY, records, defence, reserve=reserve)
    again = interrupted(monkeypatch, tmp_path, TINY, records, defence, reserve=reserve)
    assert same(whole, again)
    assert whole.facts == again.facts
    assert [path.name for path in tmp_path.iterdir()] == ["weights.partial"]


def test_a_teacher_that_was_interrupted_goes_on_and_another_ones_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixleak.training.loop import trainer as trainer_module

    monkeypatch.setattr(trainer_module, "SAVED_EVERY", 0.0)
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    whole = defended(TINY, records, Distillation(), reserve=reserve)
    heard: list[int] = []

    def stop(epoch: int, loss: float) -> None:
        heard.append(epoch)
        if len(heard) == 2:
            raise KeyboardInterrupt

    path = tmp_path / "weights.partial"
    with pytest.raises(KeyboardInterrupt):
        defended(TINY, records, Distillation(), reserve=reserve, partial=path, on_epoch=stop)
    assert heard == [0, 0]
    assert Partial(path, {}).load({}) is None
    again = defended(
        TINY,
        records,
        Distillation(),
        reserve=reserve,
        partial=path,
        on_epoch=lambda epoch, loss: heard.append(epoch),
    )
    assert heard == [0, 0, 0, 0, 1, 2, 3]
    assert same(whole, again)
    (tmp_path / "weights.partial.teacher").write_bytes(b"something else")
    other = defended(TINY, records, Distillation(), reserve=reserve, partial=path)
    assert same(whole, other)


def test_refuses_what_cannot_be() -> None:
    squares = bright_squares()
    refused("cannot be combined", TINY, squares, Distillation(), MinMax())
    refused("for generators only", TINY, squares, AdversarialDistillation())
    with pytest.raises(InputError, match=r"split\.reserve"):
        defended(TINY, squares, Distillation())
    for options in ({"keep": 0.0}, {"keep": 1.1}, {"by": "luck"}):
        with pytest.raises(InputError, match="distillation"):
            Distillation(**options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layers"):
        AdversarialDistillation(layers=0)
