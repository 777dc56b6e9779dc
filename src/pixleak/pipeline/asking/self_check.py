"""A short self-check of the target, before anything is spent on an audit of it.

An attack on a model that was asked in the wrong way finds nothing, which looks like safety. So a
few records are asked about first, and what is found is a refusal that says how to correct it, or a
control without which nothing is cleared:

- *Declaration.* Bytes or label maps that are declared to be logits, and the like, are refused.
- *Batches.* An answer that depends on the other images of its batch is refused: batches follow the
  order of the records, and with it membership.
- *Conventions.* Where the target does its job far better on its own training records if images are
  scaled or normalised as is usual elsewhere, or if its answers are taken to be in another range, it
  was asked in the wrong way. It is refused with the setting that asks it in the right way.
- *Repetition* (control ``repeatable-answers``). Answers that change from query to query weaken
  every attack by chance.
- *Dependence* (control ``image-dependence``). Answers that are the same for all images, up to
  rounding, cannot reveal which images were trained on.
- *Work* (control ``working-target``, on all members; :mod:`pixleak.pipeline.asking.working`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.pipeline.asking.conventions import check_conventions
from pixleak.pipeline.asking.declared import Declared
from pixleak.results.controls import Control
from pixleak.targets.altered import bare

if TYPE_CHECKING:
    from pixleak.records.base import Batch, Records
    from pixleak.targets.base import Target

REPEATABLE, DEPENDENT = "repeatable-answers", "image-dependence"
"""Names of the two controls."""

ASKED = 6
"""Records of each side that are asked about."""

CONVENTIONS = 3
"""Training records that a target whose queries have a price is asked about in other conventions."""

CLOSE = 5e-3
"""Largest difference of two equal answers, as a share of the range of all answers."""

SAME = 1e-5
"""Largest difference of answers that is taken for rounding, relative to their size."""


def asked_about(members: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[str]]:
    """A few ids of each side, evenly spaced."""

    def spaced(ids: Sequence[str]) -> list[str]:
        step = max(len(ids) // ASKED, 1)
        return list(ids[::step][:ASKED])

    return spaced(members), spaced(others)


def check_answers(
    target: Target, inside: Records, outside: Records, *, batch_size: int, samples: int = 1
) -> tuple[list[Control], list[Tensor]]:
    """Ask a given target about a few records, alone and together.

    Args:
        target: that exists already; defences of pixleak in front of it are looked through.
        inside: records that it was trained on, or is to be compared on.
        outside: others.
        batch_size: records per query of the audit.
        samples: answers drawn per record; above 1 they are meant to vary.

    Returns:
        The controls, and the answers (1, ...) on each record.

    Raises:
        InputError: the answers are not what was declared, depend on the batch, or get far better
            with another convention.
    """
    inner = bare(target)
    batches = [*inside.batches(1), *outside.batches(1)]
    alone = [inner.predict(one.images, one.ids).values for one in batches]
    declared = Declared(inner.name, inner.access, inner.truth)
    declared.check(_side_by_side(alone))
    controls = [dependent(inner, [one.images for one in batches], alone)]
    if samples == 1 and not inner.once:
        rows, again = ask_again(inner, batches, len(inside))
        repeated = _difference([alone[i] for i in rows], again, inner.access) <= CLOSE
        controls.append(_repeatable(repeated))
        if repeated and batch_size > 1:
            _check_batches(inner, [inside, outside], alone)
    if not inner.adapter.settings:
        check_conventions(inner, convention_batches(inner, inside))
    return controls, alone


def ask_again(
    target: Target, batches: Sequence[Batch], inside: int
) -> tuple[Sequence[int], list[Tensor]]:
    """Ask again about records that were asked about one by one.

    Where every query has its price, about one of each side, and past the answers that are kept.

    Args:
        target: bare.
        batches: of one record each, those of the first side first.
        inside: number of records of the first side.

    Returns:
        Which were asked about again, and the answers.
    """
    rows: Sequence[int] = range(len(batches))
    if target.meter is not None:
        rows = sorted({0, min(inside, len(batches) - 1)})
    with target.anew("again"):
        asked = [batches[i] for i in rows]
        return rows, [target.predict(one.images, one.ids).values for one in asked]


def _side_by_side(answers: Sequence[Tensor]) -> Tensor:
    """Answers (1, ...) one after the other; of several sizes as one row of pixels."""
    if len({one.shape for one in answers}) == 1:
        return torch.cat(list(answers))
    if answers[0].ndim == 3:  # labels
        return torch.cat([one.flatten(1) for one in answers], dim=1)[:, None]
    return torch.cat([one.flatten(2) for one in answers], dim=2)[:, :, None]


def ask_together(target: Target, sides: Sequence[Records]) -> list[Tensor]:
    """Ask about the records of both sides in batches; of a metered target, one request.

    Returns:
        The answers (1, ...), those of the first side first; none where no request holds several
        images.
    """
    if target.meter is None:
        batches: list[Batch] = [one for side in sides for one in side.batches(len(side))]
        answers = [target.predict(one.images, one.ids).values for one in batches]
        return [one[i : i + 1] for one in answers for i in range(len(one))]
    few = min(target.meter.together, len(sides[0]))
    if few == 1:
        return []
    first = next(sides[0].batches(few))
    with target.anew("together"):
        answer = target.predict(first.images, first.ids).values
    return [answer[i : i + 1] for i in range(len(answer))]


def convention_batches(target: Target, inside: Records) -> list[Batch]:
    """The records that are asked about in other conventions; one batch where sizes agree."""
    count = len(inside) if target.meter is None else min(CONVENTIONS, len(inside))
    return list(inside.select(inside.ids[:count]).batches(count))


def dependent(target: Target, images: Sequence[Tensor], answers: Sequence[Tensor]) -> Control:
    """Whether answers on different images differ by more than rounding."""
    size = max(float(values.abs().max()) for values in answers)
    alike = all(_gap(values, answers[0]) <= SAME * max(size, 1.0) for values in answers[1:])
    # Records without images differ in what they are of.
    unseen = images[0].numel() == 0
    differ = unseen or any(_gap(one, images[0]) > 1e-3 for one in images[1:])
    if not differ:
        passed, told = None, "The images that were asked about are all the same."
    elif alike:
        passed = False
        told = (
            f"The answers to {len(answers)} different images are the same up to rounding: "
            f"{target.name} does not look at the image. Check that it is loaded with its trained "
            "weights and is given the images that it is asked about."
        )
    else:
        passed, told = True, f"The answers to {len(answers)} images differ."
    return Control(
        name=DEPENDENT, title="Answers depend on the image", auc=None, passed=passed,
        explanation=told,
    )  # fmt: skip


def _gap(one: Tensor, other: Tensor) -> float:
    """Largest difference of two images or answers; of two sizes, in their corner in common."""
    height, width = (min(a, b) for a, b in zip(one.shape[-2:], other.shape[-2:], strict=True))
    return float((one[..., :height, :width] - other[..., :height, :width]).abs().max())


def _repeatable(repeated: bool) -> Control:
    told = "Asked twice about the same images, the target gave the same answers."
    if not repeated:
        told = (
            "Asked twice about the same images, the target gave different answers, which weakens "
            "every attack by chance. Switch off dropout and other noise, or, for a generator that "
            f"samples, set {setting('target.samples')} above 1."
        )
    return Control(
        name=REPEATABLE, title="Answers repeat", auc=None, passed=repeated, explanation=told
    )


def _difference(first: Sequence[Tensor], second: Sequence[Tensor], access: Access) -> float:
    """Largest difference as a share of the answers' range; of labels, of the pixels that differ."""
    if access is Access.LABEL:
        return max(float((a != b).float().mean()) for a, b in zip(first, second, strict=True))
    low = min(float(values.min()) for values in first)
    high = max(float(values.max()) for values in first)
    largest = max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))
    return largest / max(high - low, 1e-3)


def _check_batches(target: Target, sides: Sequence[Records], alone: Sequence[Tensor]) -> None:
    answers = ask_together(target, sides)
    if not answers:
        return
    found = _difference(alone[: len(answers)], answers, target.access)
    if found > CLOSE:
        raise InputError(
            f"target {target.name!r} answers differently about an image alone and in a batch (by "
            f"{found:.1%} of the range of its answers), so that an answer depends on the records "
            "beside it: put batch normalisation into evaluation mode, or set "
            f"{setting('run.batch_size')} to 1"
        )
