"""Whether a target does its job far better if it is asked in another convention.

Networks are trained on images of 0..1, of -1..1, of 0..255, or normalised as for ImageNet; they
answer in 0..1, -1..1 or 0..255, and two classes may be exchanged. A wrong guess leaves a model that
hardly works, and attacks on it find nothing. A few training records tell::

    segmenters   Dice at least 0.4, higher by 0.25 than it is now (by 0.15 where that is no better
                 than one class everywhere), higher by 0.15 than that of one class everywhere, and
                 higher on 3 of 4 records
    generators   L1 error below 0.6 of what it is now, and lower on 3 of 4 records
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, PixleakError, setting
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.targets.adapter import Adapter, InputAdapter
from pixleak.targets.endpoint.wire import FinalAnswerError
from pixleak.targets.target_for import adapted

if TYPE_CHECKING:
    from pixleak.records.base import Batch
    from pixleak.targets.base import Target

_AGREE = 0.75  # share of the records on which a convention must be better

Score = Callable[[Tensor], Tensor]
"""(b, ...) answers -> (b,) how well they fit the truths; higher is better."""


def check_conventions(target: Target, batches: Sequence[Batch]) -> None:
    """Refuse a target that does far better on its training records with another convention.

    Args:
        target: as it is asked now.
        batches: of its training records; one, unless they differ in size.

    Raises:
        InputError: naming the setting that asks it in the better way.
    """
    fits = [_fit_of(batch, target) for batch in batches]

    def score(answers: Sequence[Tensor]) -> Tensor:
        return torch.cat([fit(values) for fit, values in zip(fits, answers, strict=True)])

    given = [target.predict(batch.images, batch.ids).values for batch in batches]
    now = score(given)
    others = [
        (told, score([other(values) for values in given]))
        for told, other in _other_answers(target, batches, given)
    ]
    images = [batch.images for batch in batches]
    for told, adapter in [] if target.once else other_inputs(target, images):
        asked = adapted(target, Adapter(input=adapter))
        try:
            answers = [asked.predict(batch.images, batch.ids).values for batch in batches]
        except PixleakError as error:
            if target.meter is not None and not isinstance(error, FinalAnswerError):
                raise  # a service that is out of reach says nothing about such images
            continue  # it does not take such images at all
        others.append((told, score(answers)))
    least = _least(now, batches, target.truth)
    better = [other for other in others if _far_better(now, other[1], least)]
    if better:
        told, then = max(better, key=lambda other: float(other[1].mean()))
        what, a, b = "Dice", float(now.mean()), float(then.mean())
        if isinstance(target.truth, ImageTruth):
            what, a, b = "L1 error", 1 - a, 1 - b
        raise InputError(
            f"on {len(now)} of its training records target {target.name!r} reaches a {what} of "
            f"{a:.2f} as it is asked now, and {b:.2f} if {told}. If it was not trained that way, "
            f"state its own convention, such as {setting('target.input.scale')} 1, and this is not "
            "checked"
        )


def _fit_of(batch: Batch, target: Target) -> Score:
    truth, truths = target.truth, batch.truths
    if isinstance(truth, ImageTruth):
        span = truth.high - truth.low
        return lambda values: 1 - (values - truths).abs().flatten(1).mean(dim=1) / span

    def dice(values: Tensor) -> Tensor:
        labels = values if values.ndim == 3 else _labels(values, target.access)
        return _dice(labels, truths, truth)

    return dice


def _labels(values: Tensor, access: Access) -> Tensor:
    if values.shape[1] > 1:
        return values.argmax(dim=1)
    return (values[:, 0] > (0.0 if access is Access.LOGIT else 0.5)).long()


def _dice(labels: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b,) Dice over the foreground classes of truth or answer; 1 where neither has any."""
    valid = torch.ones_like(truths, dtype=torch.bool)
    if truth.ignore is not None:
        valid = truths != truth.ignore
    found = torch.zeros(len(truths))
    counted = torch.zeros(len(truths))
    for c in range(truth.classes):
        if c == truth.background:
            continue
        here, there = (labels == c) & valid, (truths == c) & valid
        both = (here & there).flatten(1).sum(dim=1).float()
        total = (here.flatten(1).sum(dim=1) + there.flatten(1).sum(dim=1)).float()
        found += torch.where(total > 0, 2 * both / total.clamp_min(1), torch.zeros_like(total))
        counted += (total > 0).float()
    return torch.where(counted > 0, found / counted.clamp_min(1), torch.ones_like(found))


def _other_answers(
    target: Target, batches: Sequence[Batch], given: Sequence[Tensor]
) -> list[tuple[str, Callable[[Tensor], Tensor]]]:
    """How the same answers are in other conventions, each with the setting that takes them so."""
    truth, where = target.truth, setting("target.output.range")
    if isinstance(truth, ImageTruth):
        low = min(float(values.min()) for values in given)
        high = max(float(values.max()) for values in given)
        darkest = min(float(batch.truths.min()) for batch in batches)
        span = truth.high - truth.low
        others = []
        if low < truth.low - 0.1 * span:
            others.append((-1.0, 1.0))
        if high > 2 * truth.high:
            others.append((0.0, 255.0))
        if low > -0.02 and truth.low < 0 and darkest < truth.low + 0.35 * span:
            others.append((0.0, 1.0))
        return [
            (
                f"answers are in {a:g}..{b:g}: set {where} to [{a:g}, {b:g}]",
                partial(_brought, of=(a, b), to=(truth.low, span)),
            )
            for a, b in others
        ]
    if truth.classes != 2:
        return []
    told = "the two classes are exchanged: "
    if given[0].ndim == 4 and given[0].shape[1] == 2:
        told += f"set {setting('target.output.channels')} to [1, 0]"
        return [(told, lambda values: values.flip(1))]
    told += "answer with class 1 (of one channel: its logit or probability)"
    if given[0].ndim == 4 and target.access is Access.LOGIT:
        return [(told, torch.neg)]
    return [(told, lambda values: 1 - values)]


def _brought(values: Tensor, of: tuple[float, float], to: tuple[float, float]) -> Tensor:
    """Values of one range in another, which is given by its lowest value and its span."""
    return to[0] + to[1] * (values - of[0]) / (of[1] - of[0])


def other_inputs(target: Target, images: Sequence[Tensor]) -> list[tuple[str, InputAdapter]]:
    """The conventions that a target is asked in; none where it is sent bytes whatever they mean."""
    sent = target.meter is not None and target.meter.protocol.as_bytes
    return [] if sent else _other_inputs(images)


def _other_inputs(images: Sequence[Tensor]) -> list[tuple[str, InputAdapter]]:
    """Conventions that networks are trained with, for images of 0..1 or 0..255."""
    low, high = min(float(one.min()) for one in images), max(float(one.max()) for one in images)
    if low < -0.01:
        return []
    where = "target.input"
    others: list[tuple[str, InputAdapter]] = []
    bytes_ = high > 2
    scale = {"scale": 1 / 255} if bytes_ else {}
    if bytes_:
        others.append((f"images are in 0..1: set {setting(f'{where}.scale')} to 0.00392157",
                       InputAdapter(scale=1 / 255)))  # fmt: skip
    else:
        others.append((f"images are in 0..255: set {setting(f'{where}.range')} to [0, 255]",
                       InputAdapter(range=(0, 255))))  # fmt: skip
        others.append((f"images are in -1..1: set {setting(f'{where}.range')} to [-1, 1]",
                       InputAdapter(range=(-1, 1))))  # fmt: skip
    colour = images[0].shape[1] == 3
    mean = (0.485, 0.456, 0.406) if colour else 0.449
    std = (0.229, 0.224, 0.225) if colour else 0.226
    shown = [list(mean), list(std)] if colour else [mean, std]  # type: ignore[arg-type]
    others.append(
        (
            "images are normalised as for ImageNet: set "
            f"{setting(f'{where}.mean')} to {shown[0]} and {setting(f'{where}.std')} to {shown[1]}"
            + (f", and {setting(f'{where}.scale')} to 0.00392157" if bytes_ else ""),
            InputAdapter.model_validate({**scale, "mean": mean, "std": std}),
        )
    )
    return others


def _least(now: Tensor, batches: Sequence[Batch], truth: Truth) -> float:
    """The mean score that another convention must reach to be far better."""
    if isinstance(truth, ImageTruth):
        return 1 - 0.6 * float(1 - now.mean())
    constant = 0.0
    for c in range(truth.classes):
        scores = [_dice(torch.full_like(batch.truths, c), batch.truths, truth) for batch in batches]
        constant = max(constant, float(torch.cat(scores).mean()))
    gain = 0.15 if float(now.mean()) <= constant + 0.05 else 0.25
    return max(0.4, float(now.mean()) + gain, constant + 0.15)


def _far_better(now: Tensor, then: Tensor, least: float) -> bool:
    """Whether scores of another convention are higher by far, on most records."""
    return float(then.mean()) >= least and float((then > now).float().mean()) >= _AGREE
