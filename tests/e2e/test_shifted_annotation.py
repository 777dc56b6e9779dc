"""Audits of a split whose masks are off by a pixel on one side, and of a model that remembers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import pixleak
from pixleak.evaluation.elsewhere import ELSEWHERE
from pixleak.evaluation.placebo import PLACEBO
from pixleak.evaluation.verdict.rule import BLIND, decide
from pixleak.records.base import Records
from pixleak.request.attacker import Shadow
from toy_records import bright_squares

SIDE = 40
SQUARES = bright_squares(3 * SIDE, (16, 16))


def found_by_brightness(images: Tensor) -> Tensor:
    """What a model says that learned the task on other squares."""
    smooth = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    square = 6 * (0.7 * images + 0.3 * smooth - 0.45)
    return torch.cat([-square, square], dim=1)


def remembered(images: Tensor) -> Tensor:
    """The same, but surer of the images that it was trained on."""
    own = torch.stack([SQUARES.load(i)[0] for i in range(SIDE)]).flatten(1)
    apart = (images.flatten(1)[:, None] - own).abs().amax(dim=2)
    known = apart.amin(dim=1) < 1e-3
    return found_by_brightness(images) * torch.where(known, 2.0, 1.0)[:, None, None, None]


def audited(answer: Callable[[Tensor], Tensor], moved: set[int], out: Path) -> pixleak.AuditReport:
    def load(i: int) -> tuple[Tensor, Tensor]:
        image, labels = SQUARES.load(i)
        return image, labels.roll(1, dims=1) if i in moved else labels

    records = Records(SQUARES.keys, load, SQUARES.truth, "squares")
    return pixleak.audit(
        answer,
        records.select(records.ids[:SIDE]),
        records.select(records.ids[SIDE : 2 * SIDE]),
        attacker=pixleak.Attacker(
            records=records.select(records.ids[2 * SIDE :]),
            shadow=Shadow(recipe=pixleak.Recipe(network="tiny", epochs=15, lr=0.02)),
            signals=["cross-entropy"],
            learned=[],
        ),
        evaluation=pixleak.Evaluation(replicates=200),
        access="logit",
        out=out,
    )


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> tuple[pixleak.AuditReport, Path]:
    out = tmp_path_factory.mktemp("shifted") / "run"
    return audited(found_by_brightness, set(range(SIDE, 2 * SIDE, 2)), out), out


def test_masks_that_are_off_by_a_pixel_on_one_side_are_no_leak(
    shifted: tuple[pixleak.AuditReport, Path],
) -> None:
    result = shifted[0]
    assert result.verdict.answer == "cannot-tell"
    by_name = {control.name: control for control in result.controls}
    assert by_name["trained-elsewhere"].passed is False
    assert "annotated in the same way" in by_name["trained-elsewhere"].explanation


def test_without_the_controls_the_same_figures_would_be_a_leak(
    shifted: tuple[pixleak.AuditReport, Path],
) -> None:
    result = shifted[0]
    alone = {"elsewhere_auc": None, "elsewhere_excess": None, "elsewhere_tpr": []}
    attacks = [one.model_copy(update=alone) for one in result.attacks]

    def answer(*dropped: str) -> str:
        controls = [one for one in result.controls if one.name not in dropped]
        return decide(
            attacks, controls, duplicates=None, shift=None, members=SIDE, nonmembers=SIDE
        ).answer

    assert answer(ELSEWHERE, PLACEBO, BLIND) == "leak"
    assert answer(PLACEBO, BLIND) == "cannot-tell"


def test_the_page_shows_the_control_and_is_read_again(
    shifted: tuple[pixleak.AuditReport, Path],
) -> None:
    page = (shifted[1] / "report.html").read_text(encoding="utf-8")
    assert "Trained elsewhere" in page
    assert "Members against members" in page


def test_a_model_that_remembers_its_records_still_leaks(tmp_path: Path) -> None:
    result = audited(remembered, set(), tmp_path / "run")
    assert result.verdict.answer == "leak"
    for control in result.controls:
        assert control.passed is not False
